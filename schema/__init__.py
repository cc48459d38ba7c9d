"""The element types: generated protobuf classes, blocks of columns, events, topology."""
