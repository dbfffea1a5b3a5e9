"""The composition root: from settings to a running server. The only place that names adapters.

`compose` wires and starts nothing; `run` owns the process: its event loop, socket, signals and logs.
"""

import asyncio
import contextlib
import gc
import importlib.metadata
import logging
import platform
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from podium import __version__, events
from podium.api.port import PortTaken, listen, share, url
from podium.api.rest.app import create_app
from podium.api.rest.server import Server
from podium.engine.context import Limits, Script, ScriptAnswer
from podium.engine.task_type import TaskType
from podium.model import retention
from podium.model.errors import PodiumError
from podium.observability import logs
from podium.observability.health import Health, HealthPaths
from podium.observability.metrics import LABEL_SETS_MAX, Exposition, Metrics, Reading, sparing
from podium.observability.peers import Peers
from podium.runtime.cipher import Cipher
from podium.runtime.http_client import HttpClient
from podium.runtime.node import Node
from podium.scripting import ScriptLimits, ScriptPool, ScriptRequest
from podium.service import Services
from podium.service.archive import Archive
from podium.settings import POSTGRES, BadSetting, Settings, is_loopback, shown, unknown_variables, without_password
from podium.store import Store
from podium.store.sqlite import SqliteStore
from podium.store.sqlite.backup import backup, replacement
from podium.tasks import registry

KB, MB = 1 << 10, 1 << 20
SQLITE = "sqlite:///"
MEMORY = "memory:"
NODE_STOP_S_MAX = 2.5  # for the commits, after that
DATABASE_WAIT_S = 30.0
TASK_TYPES = "podium.task_types"
SWITCH_S = 0.0005
GC_THRESHOLD = 20_000  # new objects between two looks of the garbage collector
RUNNING_EVERY_S = 10.0
OUTBOX_COUNTED_MAX = 100

log = logging.getLogger(__name__)


class StartFailed(Exception):
    """The server can't start; the message says why and what to do."""


# ---- stores


def make_store(database: str, connections: int = 8) -> Store:
    """Return the adapter for a database URL, which waits some time for a server that is away; raises `BadSetting`."""
    if database == MEMORY:
        from podium.store.memory import MemoryStore

        return MemoryStore()
    if database.startswith(POSTGRES):
        return _postgres_store(database, connections, DATABASE_WAIT_S)
    return SqliteStore(_sqlite_path(database))


def existing_store(database: str) -> Store:
    """Return the adapter for a database that must be there already; raises `BadSetting`."""
    if database.startswith(POSTGRES):
        return _postgres_store(database, 2)
    path = _sqlite_path(database)
    if not path.is_file():
        raise BadSetting(_no_database(path))
    return SqliteStore(path)


def _no_database(path: Path) -> str:
    return f"There is no database {path}: name the one of your server, like --database {SQLITE}FILE."


def sqlite_file(database: str) -> Path:
    """Return the file of an SQLite database; raises `BadSetting`, for PostgreSQL with what to do there."""
    if database.startswith(POSTGRES):
        raise BadSetting("PostgreSQL is backed up by its own tools: see docs/operate/backup.md for pg_dump.")
    return _sqlite_path(database)


def back_up(database: str, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy an SQLite database while its server runs; *progress* is told of bytes done, and of how many."""
    path = sqlite_file(database)
    if not path.is_file():
        raise BadSetting(_no_database(path))
    backup(path, target, progress)


def restore(database: str, source: Path, progress: Callable[[int, int], None], check: Callable[[Store], None]) -> None:
    """Put a backup in the place of an SQLite database that no server has open, unless *check* of it raises."""
    if not source.is_file():
        raise BadSetting(f"There is no file {source}.")
    with replacement(sqlite_file(database).absolute(), source, progress) as copy:
        check(SqliteStore(copy))


def _postgres_store(database: str, connections: int, wait_s: float = 0.0) -> Store:
    from podium.store.postgres import PostgresStore  # its driver takes time and memory that SQLite need not pay

    return PostgresStore(database, connections, wait_s)


def _sqlite_path(database: str) -> Path:
    path = database.removeprefix(SQLITE)
    if path == database or not path:
        hint = f"expected {SQLITE}FILE (relative), {SQLITE}/FILE (absolute), postgresql://USER@HOST/NAME or {MEMORY}"
        raise BadSetting(f"database {without_password(database)}: {hint}.")
    return Path(path)


# ---- wiring


class Worker(NamedTuple):
    """One of several server processes behind one port."""

    name: str
    folder: Path  # that they share


class Application:
    """A wired server: the ASGI application, and all that lives behind it."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], worker: Worker | None = None) -> None:
        self.settings = settings
        self.pool = ScriptPool(_script_limits(settings), settings.script_processes, 2 * settings.script_processes)
        self._schema_pool = ScriptPool(
            _script_limits(settings), settings.script_processes, kind_of_worker="schemas"
        )  # apart, as its processes are large and few servers need any
        self._http = HttpClient(
            allow_private=settings.http_allow_private, body_bytes_max=settings.http_body_kb_max * KB
        )
        self.node = Node(
            make_store(settings.database, settings.database_connections),
            registry(_further_types()),
            self.evaluate,
            limits=_limits(settings),
            io=self._http,
            cache_bytes=settings.cache_mb * MB,
            system_slots=settings.http_slots,
            event_days=settings.event_days,
            variables=environment,
            cipher=_cipher(settings),
            address=_address(settings),
            brokers=events.brokers(msgspec.to_builtins(settings)),
        )
        self.node.committer.admission.start_wait_s_max = settings.start_wait_ms_max / 1000
        self.health = Health(self.node.store.next_wake_ms)
        self.metrics = Metrics()
        self.exposition = Exposition(
            self.metrics,
            [self._read_store, sparing(self._read_running, RUNNING_EVERY_S)],
            own=self._attributes,
            worker=worker.name if worker else "",
        )
        if worker and settings.metrics:
            self.exposition.peers = Peers(worker.folder, worker.name, self.exposition.own_text)
        if settings.metrics:
            self.node.committer.on_commit.append(self.metrics.note)
        self.services = Services(
            self.node,
            script_error=self._script_error,
            settings={name: shown(name, value) for name, value in msgspec.to_builtins(settings).items()},
            archive=Archive(Path(settings.archive) if settings.archive else None),
            retention=retention.parse(settings.retention),
        )
        rest = create_app(
            self.services,
            on_startup=self.start,
            on_shutdown=self.stop,
            observer=self.exposition if settings.metrics else None,
            body_bytes_max=settings.body_kb_max * KB,
        )
        self.asgi = HealthPaths(rest, self.health)
        self._figures: asyncio.Task[None] | None = None

    def server(self, on_ready: Callable[[], None]) -> Server:
        """Return the HTTP server, which is not started yet; *on_ready* is called when it answers."""
        return Server(self.asgi, on_ready, self.health.stop, self.services.release_waiting, self._start_refusal)

    def _start_refusal(self) -> PodiumError | None:
        refusal = self.node.committer.start_refusal()
        if refusal is not None and self.settings.metrics:
            self.exposition.answered("POST", "/api/workflow", refusal.status, 0.0)
        return refusal

    async def start(self) -> None:
        """Open the database and begin to work; an error of `model.errors` says why not."""
        await self.node.start()
        await self.pool.start()
        await self._schema_pool.start()
        if self.settings.metrics:
            await self.exposition.start()
            self._figures = asyncio.create_task(self.exposition.run())

    async def stop(self) -> None:
        """Finish what is on its way and close the database."""
        self.health.stop()
        if self._figures is not None:
            self._figures.cancel()
            await self.exposition.stop()
        await self._schema_pool.close()
        await self.pool.close()  # a commit must not wait for a slow script
        try:
            await asyncio.wait_for(self.node.stop(), NODE_STOP_S_MAX)
        except TimeoutError:
            log.warning("the last commits took too long; the database holds all that was answered")
        await self._http.close()

    async def evaluate(self, script: Script) -> ScriptAnswer:
        """Evaluate a script of a definition in the jailed processes."""
        request = ScriptRequest(script.language, script.source, script.input, script.is_body)  # type: ignore[arg-type]
        pool = self._schema_pool if script.language == "json_schema" else self.pool
        result = await pool.evaluate(request)
        if result.kind == "ok":
            return ScriptAnswer(result.value)
        return ScriptAnswer(None, result.error or "The script failed", timed_out=result.kind == "timeout")

    # ---- what metrics read

    async def _script_error(self, source: str) -> str | None:
        """Say what is wrong with JavaScript that somebody wants to register."""
        return await self.pool.check_syntax("javascript", source)

    def _attributes(self) -> Iterable[Reading]:
        committer, cache, pool = self.node.committer, self.node.cache, self.pool
        admission = committer.admission
        janitor, archive = self.services.janitor, self.services.archive
        return (
            Reading("podium_commits", committer.commits),
            Reading("podium_transitions", committer.transitions),
            Reading("podium_stale", committer.stale),
            Reading("podium_slots_refused", committer.slots.refused if committer.slots else 0),
            Reading("podium_nodes", len(self.node.membership.nodes)),
            Reading("podium_notices", self.node.bus.notices),
            Reading("podium_waiting_commands", admission.commands),
            Reading("podium_commit_wait_seconds", committer.wait_s()),
            Reading("podium_refused", admission.refused.starts, ("start",)),
            Reading("podium_refused", admission.refused.others, ("other",)),
            Reading("podium_cache_bytes", cache.size_bytes),
            Reading("podium_cache_workflows", len(cache)),
            Reading("podium_waiting_polls", self.node.dispatcher.waiting_count),
            Reading("podium_script_evaluations", pool.evaluations),
            Reading("podium_script_timeouts", pool.timeouts),
            Reading("podium_script_kills", pool.kills),
            Reading("podium_script_processes", pool.processes),
            Reading("podium_script_waiting", pool.waiting),
            Reading("podium_retention_removed", janitor.removed),
            Reading("podium_retention_skipped", janitor.skipped),
            Reading("podium_retention_failures", janitor.failures),
            Reading("podium_archive_workflows", archive.workflows),
            Reading("podium_archive_bytes", archive.size_bytes),
        )

    async def _read_store(self) -> Iterable[Reading]:
        sizes = await self.node.store.queue_sizes()
        found = [
            Reading("task_queue_depth", one.waiting, (one.queue, "unknown"))
            for one in sorted(sizes, key=lambda size: -size.waiting)[:LABEL_SETS_MAX]
        ]
        waiting = await self.node.store.messages(0, OUTBOX_COUNTED_MAX)
        return [*found, Reading("podium_outbox_messages", len(waiting))]

    async def _read_running(self) -> Iterable[Reading]:
        counts = await self.node.store.open_counts(LABEL_SETS_MAX)
        names = [*counts, *(name for name in self.node.catalog.workflow_defs if name not in counts)]
        return [Reading("workflow_running", counts.get(name, 0), (name, "unknown")) for name in names[:LABEL_SETS_MAX]]


def compose(
    settings: Settings, environment: Mapping[str, str] | None = None, worker: Worker | None = None
) -> Application:
    """Wire a server; *environment* holds the secrets and variables that definitions may refer to."""
    return Application(settings, environment or {}, worker)


def _address(settings: Settings) -> str:
    """Return where other machines may reach this server, as far as that is known before it listens."""
    host = platform.node() if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    return url(host, settings.port) if settings.port else ""


def _cipher(settings: Settings) -> Cipher | None:
    return Cipher(settings.secret_key) if settings.secret_key.strip(", ") else None


def _limits(settings: Settings) -> Limits:
    return Limits(
        task_payload_bytes=settings.task_payload_kb_max * KB,
        workflow_payload_bytes=settings.workflow_payload_kb_max * KB,
        variables_bytes=settings.variables_kb_max * KB,
        fork_width=settings.fork_width_max,
        loop_iterations=settings.loop_iterations_max,
    )


def _further_types() -> list[TaskType]:
    """Return the task types that installed packages bring along under the entry point group `podium.task_types`."""
    found = importlib.metadata.entry_points(group=TASK_TYPES)
    return [point.load()() for point in found]


def _script_limits(settings: Settings) -> ScriptLimits:
    return ScriptLimits(
        time_ms=settings.script_time_ms,
        heap_bytes=settings.script_heap_mb * MB,
        output_bytes=settings.script_output_kb_max * KB,
    )


# ---- the process


def run(settings: Settings, environment: Mapping[str, str], worker: Worker | None = None) -> None:
    """Serve until SIGTERM or SIGINT, as one of several processes if *worker* says so.

    Raises `StartFailed` or `BadSetting` when that can't begin.
    """
    logs.configure(settings.log_level, settings.log_format)
    for warning in unknown_variables(environment):
        log.warning(warning)
    if settings.insecure and not is_loopback(settings.host):
        log.warning(
            "whoever reaches %s may start workflows and read all data: there is no authentication", settings.host
        )
    application = compose(settings, environment, worker)
    with (
        contextlib.closing(listener_for(settings, is_shared=worker is not None)) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(application, listener))


def listener_for(settings: Settings, *, is_shared: bool = False) -> socket.socket:
    """Take the port before the database, so that a second server does not touch that."""
    try:
        return (share if is_shared else listen)(settings.host, settings.port)
    except PortTaken as error:
        raise StartFailed(str(error)) from error


async def _serve(application: Application, listener: socket.socket) -> None:
    settings = application.settings

    def announce() -> None:
        at = url(settings.host, listener.getsockname()[1])
        sys.stdout.write(f"podium {__version__} ready at {at}, database {without_password(settings.database)}\n")
        sys.stdout.flush()

    server = application.server(announce)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.handle_exit, number, None)
    try:
        await application.start()
    except PodiumError as error:
        raise StartFailed(error.message) from error
    _tune_interpreter()
    try:
        await server.serve([listener])
    finally:
        await application.stop()


def _tune_interpreter() -> None:
    """Let the thread that writes get the interpreter soon, and look for cyclic garbage seldom.

    Hardly anything here makes cycles, and the default looks for them after each 700 new objects; what the start has
    made stays for good and is not looked at again.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)
