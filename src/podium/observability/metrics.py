"""Every metric of podium, what counts them, and their text for Prometheus.

Names and labels are Conductor's where Conductor has the metric, so that its dashboards keep working; podium's own begin
with `podium_`. The hot path adds to plain integers; everything else is read and put into words when somebody asks.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from podium.model.status import COMPLETED, IN_PROGRESS, TASK_OPEN, TIMED_OUT, WORKFLOW_TERMINAL
from podium.model.task import Task
from podium.model.transition import Transition
from podium.model.workflow import Head
from podium.observability.peers import Peers, merged
from podium.observability.timer import Timer

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.registry import Collector

WORKER = "worker"  # the label that tells the processes of one server
LABEL_SETS_MAX = 500  # of one metric; further ones are counted together
LABEL_CHARS_MAX = 200
OTHER = "other"
WINDOW_S = 60.0
READ_S = 5.0
LOAD_SHARE = 200  # a source that takes long is left alone for that many times as long
ASKED_S_MAX = 90.0  # a scraper that is slower gets older readings

log = logging.getLogger(__name__)

Kind = Literal["counter", "gauge", "timer"]
Labels = tuple[str | int, ...]


class Metric(NamedTuple):
    """One row of the table; on the wire a counter's name ends in `_total`, a timer's in `_seconds`."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str


_WORKFLOW = ("workflowName", "ownerApp")
_TASK = ("taskType",)

TABLE = (
    Metric("workflow_start_success", "counter", ("workflowName", "version", "ownerApp"), "Workflows started."),
    Metric("workflow_failure", "counter", ("workflowName", "status", "ownerApp"), "Workflows not ended COMPLETED."),
    Metric("workflow_execution", "timer", _WORKFLOW, "Start to end of workflows that COMPLETED."),
    Metric("workflow_running", "gauge", _WORKFLOW, "Open workflows, running and paused."),
    Metric("workflow_server_error", "counter", ("class", "methodName"), "Requests answered with 500 or more."),
    Metric("task_queue_depth", "gauge", ("taskType", "ownerApp"), "Tasks that wait in a queue."),
    Metric("task_queue_wait", "timer", _TASK, "From a task's being due to its first hand-out."),
    Metric("task_execution", "timer", (*_TASK, "includeRetries", "status"), "Hand-out to end of one attempt."),
    Metric("task_poll_count", "counter", (*_TASK, "domain"), "Tasks handed out to workers."),
    Metric("task_timeout", "counter", _TASK, "Tasks that ended by a timeout of any kind."),
    Metric("task_response_timeout", "counter", _TASK, "Tasks whose worker was silent for too long."),
    Metric("http_server_requests", "timer", ("method", "uri", "status"), "Requests by route and HTTP status."),
    Metric("podium_commits", "counter", (), "Transactions that held changes of workflows."),
    Metric("podium_transitions", "counter", (), "Changes of workflows; by podium_commits: how many share one."),
    Metric("podium_stale", "counter", (), "Changes decided again, as somebody else had changed the workflow."),
    Metric("podium_slots_refused", "counter", (), "Changes decided again, as a limit over all nodes had no room."),
    Metric("podium_nodes", "gauge", (), "Nodes that live, as this one knows."),
    Metric("podium_notices", "counter", (), "Notices sent to other nodes."),
    Metric("podium_waiting_commands", "gauge", (), "Commands that wait for a commit."),
    Metric("podium_commit_wait_seconds", "gauge", (), "Expected wait of a new command for its commit."),
    Metric("podium_refused", "counter", ("kind",), "Commands refused with 429, as too much waits: start, other."),
    Metric("podium_cache_bytes", "gauge", (), "Estimated bytes of the workflows at hand."),
    Metric("podium_cache_workflows", "gauge", (), "Workflows at hand."),
    Metric("podium_waiting_polls", "gauge", (), "Polls that wait for a task."),
    Metric("podium_outbox_messages", "gauge", (), "Messages between workflows on their way, counted up to 100."),
    Metric("podium_script_evaluations", "counter", (), "Scripts evaluated in the jailed processes."),
    Metric("podium_script_timeouts", "counter", (), "Scripts that took too long."),
    Metric("podium_script_kills", "counter", (), "Script processes that had to be killed."),
    Metric("podium_script_processes", "gauge", (), "Script processes that run."),
    Metric("podium_script_waiting", "gauge", (), "Scripts that wait for a process."),
    Metric("podium_retention_removed", "counter", (), "Ended workflows that retention has removed, children included."),
    Metric("podium_retention_skipped", "counter", (), "Times that one was left: it has open children, or has changed."),
    Metric("podium_retention_failures", "counter", (), "Looks that ended with an error, such as a full archive."),
    Metric("podium_archive_workflows", "counter", (), "Workflows written to the archive."),
    Metric("podium_archive_bytes", "counter", (), "Compressed bytes written to the archive."),
)


OF_DATABASE = frozenset({"workflow_running", "task_queue_depth", "podium_outbox_messages"})
"""What every process would say alike."""


class Reading(NamedTuple):
    """A value of a gauge or counter at the moment of asking."""

    name: str
    value: float
    labels: Labels = ()


Source = Callable[[], Awaitable[Iterable[Reading]]]


class Metrics:
    """The numbers that are counted as things happen."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[Labels, int]] = {one.name: {} for one in TABLE if one.kind == "counter"}
        self.timers: dict[str, dict[Labels, Timer]] = {one.name: {} for one in TABLE if one.kind == "timer"}

    def count(self, name: str, *labels: str | int) -> None:
        """Add one."""
        found = self.counts[name]
        count = found.get(labels)
        if count is None:
            labels = _bounded(labels, found)
            count = found.get(labels, 0)
        found[labels] = count + 1

    def observe(self, name: str, duration_us: int, *labels: str | int) -> None:
        """Take one duration in µs."""
        found = self.timers[name]
        timer = found.get(labels)
        if timer is None:
            timer = found.setdefault(_bounded(labels, found), Timer())
        timer.observe(duration_us)

    def rotate(self) -> None:
        """Begin a new window of quantiles."""
        for timers in self.timers.values():
            for timer in timers.values():
                timer.rotate()

    # ---- what happens

    def note(self, change: Transition) -> None:
        """Learn what a commit has changed."""
        head = change.workflow.head
        now_ms = head.updated_ms or head.created_ms
        if change.expected_version < 0:
            self.count("workflow_start_success", head.name, head.def_version, head.owner_app or "unknown")
        if head.ended_ms == now_ms and head.status in WORKFLOW_TERMINAL:
            self._workflow_ended(head)
        for task in change.inserted:
            if task.ended_ms == now_ms or task.started_ms == now_ms:
                self._task(task, now_ms, is_handed_out=task.started_ms == now_ms)
        for seq, task in change.updated.items():
            is_leased = task.started_ms == now_ms or (task.status == IN_PROGRESS and seq in change.dequeued)
            if is_leased or task.ended_ms == now_ms:
                self._task(task, now_ms, is_handed_out=is_leased)

    def _workflow_ended(self, head: Head) -> None:
        owner = head.owner_app or "unknown"
        if head.status == COMPLETED:
            self.observe("workflow_execution", 1000 * (head.ended_ms - head.created_ms), head.name, owner)
        else:
            self.count("workflow_failure", head.name, head.status, owner)

    def _task(self, task: Task, now_ms: int, *, is_handed_out: bool) -> None:
        if is_handed_out and task.runs != "engine":
            self.count("task_poll_count", task.type, task.domain or "NO_DOMAIN")
            if task.started_ms == now_ms:
                wait_ms = now_ms - task.scheduled_ms - task.start_delay_s * 1000
                self.observe("task_queue_wait", 1000 * wait_ms, task.name)
        if task.ended_ms != now_ms or task.status in TASK_OPEN:
            return
        if task.started_ms:
            took_us = 1000 * (now_ms - task.started_ms)
            self.observe("task_execution", took_us, task.name, "false", task.status)
        if task.status == TIMED_OUT:
            self.count("task_timeout", task.name)
            if (task.reason or "").startswith("responseTimeout"):
                self.count("task_response_timeout", task.name)

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Learn of an answer; *path* is the template of its route, empty when there is none."""
        if not path:  # then the client has made up method and path
            method, path = "", "unknown"
        self.observe("http_server_requests", int(seconds * 1e6), method, path, status)
        if status >= 500:
            self.count("workflow_server_error", "rest", f"{method} {path}")


def _bounded(labels: Labels, found: Collection[Labels]) -> Labels:
    """Return labels that are new to *found* so that neither their length nor their number has no end."""
    labels = tuple(label if type(label) is int else str(label)[:LABEL_CHARS_MAX] for label in labels)
    return labels if labels in found or len(found) < LABEL_SETS_MAX else (OTHER,) * len(labels)


class Exposition:
    """The text of all metrics: of what was counted, of what *own* gives at once, and of what *sources* read.

    Sources take time and the text must be there at once; therefore `run` reads them beforehand, while somebody asks.
    Where *worker* names one of several processes, the metrics of each have a label with its name, but for those of the
    database, which only the one that is asked gives.
    """

    def __init__(
        self,
        metrics: Metrics,
        sources: Sequence[Source],
        own: Callable[[], Iterable[Reading]] = tuple,
        worker: str = "",
    ) -> None:
        self.answered = metrics.answered
        self.peers: Peers | None = None
        self._metrics = metrics
        self._sources = sources
        self._own = own
        self._worker = worker
        self._readings: list[Reading] = []
        self._asked_s = time.monotonic()
        self._asked = asyncio.Event()

    async def start(self) -> None:
        """Begin to answer the other processes."""
        if self.peers is not None:
            await self.peers.start()

    async def stop(self) -> None:
        """Answer them no more."""
        if self.peers is not None:
            await self.peers.stop()

    async def figures(self) -> bytes:
        """Return the metrics of all processes in Prometheus' text format."""
        return merged([self.text(), *(await self.peers.texts())]) if self.peers is not None else self.text()

    def text(self) -> bytes:
        """Return the metrics of this process and of the database."""
        self._asked_s = time.monotonic()
        self._asked.set()
        return self._text([*self._own(), *self._readings])

    def own_text(self) -> bytes:
        """Return the metrics of this process alone."""
        return self._text(list(self._own()))

    def _text(self, readings: list[Reading]) -> bytes:
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        registry = CollectorRegistry()
        registry.register(_Collector(self._metrics, readings, ProcessCollector(registry=None), self._worker))
        return generate_latest(registry)

    async def run(self) -> None:
        """Read the sources now, and every few seconds while somebody asks; for ever."""
        rotated_s = time.monotonic()
        while True:
            await self.read()
            now_s = time.monotonic()
            if now_s - rotated_s >= WINDOW_S:
                self._metrics.rotate()
                rotated_s = now_s
            await asyncio.sleep(READ_S)
            if now_s - self._asked_s > ASKED_S_MAX:
                self._asked.clear()
                await self._asked.wait()

    async def read(self) -> None:
        """Read all sources; one that fails leaves out its own metrics only."""
        readings: list[Reading] = []
        for source in self._sources:
            try:
                readings += await source()
            except Exception as error:  # noqa: BLE001 (whatever a store raises)
                log.warning("metrics can't be read: %s", error)
        self._readings = readings


def sparing(source: Source, every_s: float) -> Source:
    """Return *source* such that it is asked once in *every_s* seconds at most, and less often when it takes long."""
    until_s, kept = 0.0, list[Reading]()

    async def read() -> Iterable[Reading]:
        nonlocal until_s, kept
        began_s = time.monotonic()
        if began_s >= until_s:
            kept = list(await source())
            ended_s = time.monotonic()
            until_s = ended_s + max(every_s, LOAD_SHARE * (ended_s - began_s))
        return kept

    return read


class _Collector:
    """What prometheus_client asks for the families of metrics (its Collector)."""

    def __init__(self, metrics: Metrics, readings: list[Reading], process: "Collector", worker: str) -> None:
        self._metrics = metrics
        self._process = process
        self._worker = worker
        self._values: dict[str, dict[Labels, float]] = {name: {**found} for name, found in metrics.counts.items()}
        for reading in readings:
            self._values.setdefault(reading.name, {})[reading.labels] = reading.value

    def collect(self) -> Iterable["Family"]:
        """Yield a family for each row of the table, and those of the process."""
        for family in (*self._process.collect(), *self._families()):
            if self._worker and family.name not in OF_DATABASE:
                label = {WORKER: self._worker}
                family.samples = [one._replace(labels={**one.labels, **label}) for one in family.samples]
            yield family

    def _families(self) -> Iterable["Family"]:
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

        for metric in TABLE:
            if metric.kind == "timer":
                yield from _timer_families(metric, self._metrics.timers[metric.name])
                continue
            make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = make(metric.name, metric.meaning, labels=metric.labels)
            for labels, value in self._values.get(metric.name, {}).items():
                family.add_metric(_texts(labels), value)
            yield family


def _timer_families(metric: Metric, timers: dict[Labels, Timer]) -> Iterable["Family"]:
    from prometheus_client.metrics_core import GaugeMetricFamily, SummaryMetricFamily

    name = f"{metric.name}_seconds"
    summary = SummaryMetricFamily(name, metric.meaning, labels=metric.labels)
    longest = GaugeMetricFamily(f"{name}_max", f"Longest of the last minutes. {metric.meaning}", labels=metric.labels)
    for labels, timer in timers.items():
        values = _texts(labels)
        named = dict(zip(metric.labels, values, strict=True))
        for quantile, value_us in timer.quantiles_us().items():
            summary.add_sample(name, {**named, "quantile": str(quantile)}, value_us / 1e6)
        summary.add_metric(values, timer.count, timer.total_us / 1e6)
        longest.add_metric(values, timer.max_us / 1e6)
    yield summary
    yield longest


def _texts(labels: Labels) -> list[str]:
    return [str(label) for label in labels]
