"""The venue that lies: its own exact books, and every way to tell them wrong, late, twice or not at all."""
