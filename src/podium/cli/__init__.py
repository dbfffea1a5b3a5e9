"""The command line: `podium serve` runs a server, everything else talks to one over its REST API.

Nothing heavy is imported before it is known what is asked for, so that a server starts at once.
"""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage, 3 server not reachable."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["serve"]:
        from podium.cli.serve import serve

        return serve(words[1:])
    from podium.cli.app import run

    return run(words)
