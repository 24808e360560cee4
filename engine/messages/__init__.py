"""What may be said: frozen, tagged messages, one module per area, closed by the registry."""
