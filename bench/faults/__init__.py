"""The gateway among faults: nodes killed, databases restarted, connections cut, and a verdict by counting."""
