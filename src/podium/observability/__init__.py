"""What an operator sees of a running server: logs, metrics, health. Knows the model only; all else is handed in."""
