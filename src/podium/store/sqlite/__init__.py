"""The SQLite adapter of the store port: one file, one server process, every answer durable."""

from podium.store.sqlite.adapter import SqliteStore

__all__ = ["SqliteStore"]
