"""Floors and the gateway, measured in one run. Never a timed test."""
