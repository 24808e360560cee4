"""How fast the engine is: one module per benchmark, each prints ratios."""
