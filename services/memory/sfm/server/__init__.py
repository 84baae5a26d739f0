"""The gRPC server: the wire, who may call, and what is observed."""
