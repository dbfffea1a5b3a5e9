"""podium's api package."""
