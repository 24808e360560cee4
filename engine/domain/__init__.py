"""What things are: pure values, state machines and arithmetic. No I/O, no clock, no randomness."""
