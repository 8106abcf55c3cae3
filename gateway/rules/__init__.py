"""What the bank's rules say, as pure functions: no await, no clock, no I/O."""
