"""podium: a workflow orchestration server that speaks Conductor's API."""

__version__ = "0.1.0"
