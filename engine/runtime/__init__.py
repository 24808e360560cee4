"""How actors run: mailboxes, supervision, bus, clocks, randomness, logs and metrics."""
