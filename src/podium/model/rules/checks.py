"""What the rules need from the rest of the server, and the bounds that they keep."""

from collections.abc import Callable

import msgspec

from podium.model.task_def import TaskDef

VIOLATIONS_MAX = 1000
"""More than this many violations are not looked for: an answer about a broken definition stays small."""


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """How to look up and compile what a definition mentions; the callables return None when all is well."""

    task_def: Callable[[str], TaskDef | None]
    script_error: Callable[[str], str | None]
    path_error: Callable[[str], str | None]
    known_names: frozenset[str] = frozenset()  # names that `${NAME}` may use beside tasks and `workflow`
    names_restricted: bool = False
    owner_email_required: bool = False
    depth_max: int = 50
    steps_max: int = 10_000
