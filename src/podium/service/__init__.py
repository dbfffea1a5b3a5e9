"""podium's service package."""
