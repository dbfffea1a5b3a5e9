"""The reference adapter: dictionaries, for tests, simulations and trying things out; everything is gone with the
process.

Queues and searches are sorted at each call: fine for thousands of workflows, not for millions.
"""

from podium.store.memory.adapter import MemoryStore

__all__ = ["MemoryStore"]
