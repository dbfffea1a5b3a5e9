"""Start of a worker process, run by its path with `python -I -S`: no site, no environment, few imports.

The package `podium` is declared here without running its `__init__` modules, which load what a worker has no use for
and what would make it slow to start. Arguments: the folders of the engines,
separated as in PATH, the kind of worker, the limits.
"""

import os
import sys
from types import ModuleType

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 (pathlib is not loaded yet)
    for name, folder in (("podium", os.path.dirname(here)), ("podium.scripting", here)):  # noqa: PTH120
        package = ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
    sys.path += sys.argv[1].split(os.pathsep)

    from podium.scripting import worker

    worker.run(sys.argv[2:])
