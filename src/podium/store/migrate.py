"""Numbered SQL scripts that bring a schema up to date: finds them and says which are still to be applied.

Forward only. A script never changes once it was released. Knows nothing of any database: the adapter runs the
scripts, each in a transaction together with its row in the table `migration`; those of large indexes on PostgreSQL one
statement at a time, while others write.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from podium.model.errors import PodiumError

ONLINE = "-- online\n"
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One script."""

    number: int
    name: str
    sql: str

    @property
    def is_online(self) -> bool:
        """Whether it begins with the word for that: it builds indexes outside of a transaction, and can be resumed."""
        return self.sql.startswith(ONLINE)

    def statements(self) -> list[str]:
        """Return the statements of a script that runs online, without its comments."""
        lines = [line for line in self.sql.splitlines() if not line.startswith("--")]
        return [one.strip() for one in " ".join(lines).split(";") if one.strip()]


def find(package: str) -> list[Migration]:
    """Return the scripts in the folder `sql` of *package*, in order; their numbers are 1, 2, 3, … without a gap."""
    found = []
    for entry in resources.files(package).joinpath("sql").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise PodiumError(f"The migrations of {package} are not numbered 1 to {len(found)}.")
    return found


def pending(known: list[Migration], applied: Iterable[int], newer_max: int = 0) -> list[Migration]:
    """Return what is still to be applied; raise when the database is more than *newer_max* schemas newer."""
    done = set(applied)
    newest = max(done, default=0)
    if newest > len(known) + newer_max:
        raise PodiumError(
            f"The database has schema {newest}, but this version of podium knows only schemas up to {len(known)}: "
            "install the newer version that wrote it, or restore a backup made before that upgrade."
        )
    return [migration for migration in known if migration.number not in done]
