"""The channels: one package each, all with the same file names for the same jobs. None knows another."""
