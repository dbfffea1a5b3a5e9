"""podium's api/rest package."""
