"""A seeded market that needs no network."""
