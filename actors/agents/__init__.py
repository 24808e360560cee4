"""The trading agents: market events in, signals out."""
