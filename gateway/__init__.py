"""The core of Huiyin: the nouns and verbs of complaint handling. No vendor, socket or SQL dialect is known here."""
