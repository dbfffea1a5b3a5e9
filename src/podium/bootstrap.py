"""The composition root: from settings to a running server. The only place that names adapters.

`compose` wires without starting anything; `run` owns the process: its event loop, socket, signals and logs.
"""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import uvicorn

from podium import __version__
from podium.api.rest.app import create_app
from podium.engine.context import Limits, Script, ScriptAnswer
from podium.model.errors import PodiumError
from podium.observability import logs
from podium.observability.health import Health
from podium.observability.metrics import Exposition, Metrics
from podium.runtime.http_client import HttpClient
from podium.runtime.node import Node
from podium.scripting import ScriptLimits, ScriptPool, ScriptRequest
from podium.service import Services
from podium.settings import BadSetting, Settings, is_loopback, unknown_variables
from podium.store import Store
from podium.tasks import registry

KB, MB = 1 << 10, 1 << 20
ANSWERS_S_MAX = 2.0  # for the answers that are on their way when the server is told to stop
STOP_S_MAX = 2.5  # for the commits after that
RELEASE_S = 0.05
BACKLOG = 2_048

log = logging.getLogger(__name__)
