"""Hints between the parts of the gateway: never truth. One implementation a file."""
