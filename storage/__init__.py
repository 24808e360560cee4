"""Who remembers: PostgreSQL, the single writer of facts, and the same ports in memory."""
