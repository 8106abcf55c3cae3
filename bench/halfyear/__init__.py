"""A simulated half year of complaints: who does what is in duties.py, what has to hold in ledger.py."""
