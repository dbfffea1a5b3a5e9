"""podium's cli package."""
