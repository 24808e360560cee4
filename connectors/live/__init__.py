"""Live venues: what differs between them, and the actors that trade and read through it."""
