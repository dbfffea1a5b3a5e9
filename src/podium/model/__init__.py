"""The nouns of the domain: typed, with the names that Conductor uses on the wire; no behaviour beyond validation."""
