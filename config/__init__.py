"""How the engine is set up: typed settings, their loader, and secrets."""
