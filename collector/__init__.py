"""gNMI telemetry of optical line devices → one `PmReport` a node and second → Kafka or a capture.

`python -m collector` runs beside the devices, without Beam. Its flow, a module for each step:
`targets` (the file of devices), `subscribe` (one stream), `decode` (messages → leaves and numbers,
by `paths` and `values`), `merge` (by component and second), `reports` (protobuf), `deliver`.
"""

import os

# gRPC's own lines on standard error repeat, less clearly, what the collector says.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
