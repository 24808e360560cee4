"""What a person runs: set-up, tests, and helpers for operators."""
