"""Providers to try and test against without an account, all on loopback. Real servers where there are any."""
