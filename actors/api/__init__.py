"""The control endpoint: HTTP, the stream and the operator console."""
