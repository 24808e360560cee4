"""The engine: pure domain, messages, actor runtime, and the command that wires them together."""
