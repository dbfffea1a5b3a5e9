"""The store over PostgreSQL: for several nodes, or for one that has a database server already."""

from podium.store.postgres.adapter import PostgresStore

__all__ = ["PostgresStore"]
