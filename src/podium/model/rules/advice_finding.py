"""What advice says, what it needs to know for that, and how it finds the name that was meant."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Literal

import msgspec

from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowDef

Severity = Literal["error", "warning", "info"]

FINDINGS_MAX = 200
_NAMES_COMPARED_MAX = 500
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to look at; an error is what a registration refuses. `path` is a JSONPath in the definition."""

    severity: Severity
    path: str
    message: str
    suggestion: str | None = None


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody knows beside the definition; only who *is_complete*, like a server, may call a name unknown."""

    is_complete: bool = False
    task_def: Callable[[str], TaskDef | None] = lambda _: None
    workflow_def: Callable[[str, int | None], WorkflowDef | None] = lambda *_: None
    task_names: Callable[[], Iterable[str]] = tuple
    workflow_names: Callable[[], Iterable[str]] = tuple
    types: frozenset[str] = frozenset()  # of tasks that the server itself does


def meant(name: str, names: Iterable[str]) -> str | None:
    """Return the one of *names* that *name* is most likely a misspelling of, None when none is close."""
    known = [one for one, _ in zip(names, range(_NAMES_COMPARED_MAX), strict=False) if one != name]
    folded = {one.casefold().replace("-", "_"): one for one in known}
    if (exact := folded.get(name.casefold().replace("-", "_"))) is not None:
        return exact
    close = get_close_matches(name[:200], known, n=1, cutoff=0.7)
    return close[0] if close else None


def did_you_mean(name: str, names: Iterable[str], prefix: str = "") -> str | None:
    """Return the question for a name that is close to one of *names*."""
    found = meant(name, names)
    return None if found is None else f"did you mean {prefix}{found}?"


def at_key(path: str, key: str) -> str:
    """Return the path of a member; a key that is no plain name is quoted."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}"
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"{path}['{quoted}']"
