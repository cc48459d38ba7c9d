"""The element types: generated protobuf classes, Arrow blocks, events, topology."""
