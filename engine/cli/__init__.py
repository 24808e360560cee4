"""How a person commands the engine: one small module per command group, no logic of its own."""
