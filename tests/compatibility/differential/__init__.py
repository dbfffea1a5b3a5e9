"""The same scenarios for podium and for the upstream server, and what differs between their answers."""
