"""Hostile requests to every webhook of a running gateway: what it answers, and how much memory it keeps."""
