"""One of several server processes behind a port; `podium.cli.workers` starts it with `python -m podium.cli.worker`.

The first line of standard input has what it needs. When that input ends, its parent has gone, and it stops as well.
"""

import os
import signal
import sys
import threading
from pathlib import Path

import msgspec

from podium.cli.failure import FAILED, USAGE
from podium.settings import BadSetting, Settings


class Order(msgspec.Struct):
    """What a worker process is told."""

    name: str
    folder: str
    settings: Settings


def _stop_without_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Serve until told to stop; the exit code is 0 then."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    from podium.bootstrap import StartFailed, Worker, run

    threading.Thread(target=_stop_without_parent, daemon=True).start()
    try:
        run(order.settings, os.environ, Worker(order.name, Path(order.folder)))
    except (BadSetting, StartFailed) as error:
        print(f"podium: {error}", file=sys.stderr)
        return FAILED if isinstance(error, StartFailed) else USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
