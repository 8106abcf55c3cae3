"""The truth, kept in SQL: tables, row mapping with sealing, one file per part of the storage port, one per database."""
