"""From text in a definition to a value: parameters, JSONPath, small scripts. Pure: no I/O, every step bounded."""
