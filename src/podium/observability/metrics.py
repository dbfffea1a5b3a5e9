"""Every metric of podium, what counts them, and their text for Prometheus.

Names and labels are Conductor's where Conductor has the metric, so that its dashboards keep working; podium's own begin
with `podium_`. The hot path adds to plain integers; everything else is read and put into words when somebody asks.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from podium.model.status import COMPLETED, IN_PROGRESS, TASK_OPEN, TIMED_OUT, WORKFLOW_TERMINAL
from podium.model.task import Task
from podium.model.transition import Transition
from podium.model.workflow import Head
from podium.observability.timer import Timer

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LABEL_SETS_MAX = 500  # of one metric; further ones are counted together
LABEL_CHARS_MAX = 200
OTHER = "other"
WINDOW_S = 60.0

Kind = Literal["counter", "gauge", "timer"]
Labels = tuple[str, ...]


class Metric(NamedTuple):
    """One row of the table; a counter's name gets `_total` and a timer's `_seconds` on the wire."""

    name: str
    kind: Kind
    labels: Labels
    meaning: str


TABLE = (
    Metric(
        "workflow_start_success", "counter", ("workflowName", "version", "ownerApp"), "Workflows that were started."
    ),
    Metric(
        "workflow_failure",
        "counter",
        ("workflowName", "status", "ownerApp"),
        "Workflows that ended other than COMPLETED.",
    ),
    Metric("workflow_execution", "timer", ("workflowName", "ownerApp"), "Start to end of workflows that COMPLETED."),
    Metric("workflow_running", "gauge", ("workflowName", "ownerApp"), "Open workflows, running and paused."),
    Metric(
        "workflow_server_error", "counter", ("class", "methodName"), "Requests answered with a status of 500 or more."
    ),
    Metric("task_queue_depth", "gauge", ("taskType", "ownerApp"), "Tasks that wait in a queue."),
    Metric("task_queue_wait", "timer", ("taskType",), "From a task's first being due to its first hand-out."),
    Metric("task_execution", "timer", ("taskType", "includeRetries", "status"), "Hand-out to end of one attempt."),
    Metric("task_poll_count", "counter", ("taskType", "domain"), "Tasks handed out to workers."),
    Metric("task_timeout", "counter", ("taskType",), "Tasks that ended by a timeout of any kind."),
    Metric("task_response_timeout", "counter", ("taskType",), "Tasks whose worker was silent for too long."),
    Metric("podium_commits", "counter", (), "Transactions of the store that held changes of workflows."),
    Metric(
        "podium_transitions",
        "counter",
        (),
        "Changes of workflows; divided by podium_commits: the group commit at work.",
    ),
    Metric(
        "podium_stale", "counter", (), "Changes that were decided again, as somebody else had changed the workflow."
    ),
    Metric("podium_cache_bytes", "gauge", (), "Estimated bytes of the workflows at hand."),
    Metric("podium_cache_workflows", "gauge", (), "Workflows at hand."),
    Metric("podium_waiting_polls", "gauge", (), "Workers that wait for a task."),
    Metric("podium_outbox_messages", "gauge", (), "Messages between workflows on their way, counted up to 1,000."),
    Metric(
        "podium_script_evaluations", "counter", ("result",), "Scripts evaluated in the jailed processes, by result."
    ),
    Metric("podium_script_kills", "counter", (), "Script processes that had to be killed."),
    Metric("podium_http_requests", "counter", ("status",), "Requests answered, by HTTP status."),
)


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
        self.statuses: dict[int, int] = {}  # answers by HTTP status

    def count(self, name: str, *labels: str) -> None:
        """Add one."""
        found = self.counts[name]
        if labels not in found and len(found) >= LABEL_SETS_MAX:
            labels = (OTHER,) * len(labels)
        found[labels] = found.get(labels, 0) + 1

    def observe(self, name: str, duration_ms: int, *labels: str) -> None:
        """Take one duration."""
        found = self.timers[name]
        timer = found.get(labels)
        if timer is None:
            if len(found) >= LABEL_SETS_MAX:
                labels = (OTHER,) * len(labels)
            timer = found.setdefault(labels, Timer())
        timer.observe(duration_ms)

    def note(self, change: Transition) -> None:
        """Learn what a commit has changed."""
        head = change.workflow.head
        now_ms = head.updated_ms or head.created_ms
        if change.expected_version < 0:
            self.count("workflow_start_success", head.name, str(head.def_version), head.owner_app or "unknown")
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
            self.observe("workflow_execution", head.ended_ms - head.created_ms, head.name, owner)
        else:
            self.count("workflow_failure", head.name, head.status, owner)

    def _task(self, task: Task, now_ms: int, *, is_handed_out: bool) -> None:
        if is_handed_out and task.runs != "engine":
            self.count("task_poll_count", task.type, task.domain or "NO_DOMAIN")
            if task.started_ms == now_ms:
                wait_ms = now_ms - task.scheduled_ms - task.start_delay_s * 1000
                self.observe("task_queue_wait", wait_ms, task.name)
        if task.ended_ms != now_ms or task.status in TASK_OPEN:
            return
        if task.started_ms:
            self.observe("task_execution", now_ms - task.started_ms, task.name, "false", task.status)
        if task.status == TIMED_OUT:
            self.count("task_timeout", task.name)
            if (task.reason or "").startswith("responseTimeout"):
                self.count("task_response_timeout", task.name)


class Exposition:
    """The text of all metrics, of what was counted and of what *sources* read."""

    def __init__(
        self, metrics: Metrics, sources: Sequence[Source], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._metrics = metrics
        self._sources = sources
        self._clock = clock
        self._rotated_s = clock()

    async def render(self) -> bytes:
        """Return the metrics in Prometheus' text format. A source that fails leaves out its metrics."""
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Collector(self._metrics, await self._readings()))
        text = generate_latest(registry)
        self._rotate()
        return text

    async def _readings(self) -> list[Reading]:
        readings: list[Reading] = []
        for source in self._sources:
            try:
                readings += await source()
            except Exception:  # noqa: BLE001, S112 (a store that is away must not hide all other metrics)
                continue
        return readings

    def _rotate(self) -> None:
        if self._clock() - self._rotated_s < WINDOW_S:
            return
        self._rotated_s = self._clock()
        for timers in self._metrics.timers.values():
            for timer in timers.values():
                timer.rotate()


def cached(source: Source, for_s: float, clock: Callable[[], float] = time.monotonic) -> Source:
    """Return *source* such that it is asked once in *for_s* seconds at most."""
    until_s, kept = -1.0, list[Reading]()

    async def read() -> Iterable[Reading]:
        nonlocal until_s, kept
        if clock() >= until_s:
            until_s = clock() + for_s
            kept = list(await source())
        return kept

    return read


class _Collector:
    """What prometheus_client asks for the families of metrics (its Collector)."""

    def __init__(self, metrics: Metrics, readings: list[Reading]) -> None:
        self._metrics = metrics
        self._values: dict[str, dict[Labels, float]] = {}
        for name, counted in metrics.counts.items():
            self._values[name] = dict(counted)
        self._values["podium_http_requests"] = {(str(code),): n for code, n in metrics.statuses.items()}
        for reading in readings:
            self._values.setdefault(reading.name, {})[reading.labels] = reading.value

    def collect(self) -> Iterable["Family"]:
        """Yield a family for each row of the table."""
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

        for metric in TABLE:
            if metric.kind == "timer":
                yield from _timer_families(metric, self._metrics.timers[metric.name])
                continue
            make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = make(metric.name, metric.meaning, labels=metric.labels)
            for labels, value in self._values.get(metric.name, {}).items():
                family.add_metric([label[:LABEL_CHARS_MAX] for label in labels], value)
            yield family


def _timer_families(metric: Metric, timers: dict[Labels, Timer]) -> Iterable["Family"]:
    from prometheus_client.metrics_core import GaugeMetricFamily, SummaryMetricFamily

    name = f"{metric.name}_seconds"
    summary = SummaryMetricFamily(name, metric.meaning, labels=metric.labels)
    longest = GaugeMetricFamily(f"{name}_max", f"Longest of the last minutes. {metric.meaning}", labels=metric.labels)
    for labels, timer in timers.items():
        values = [label[:LABEL_CHARS_MAX] for label in labels]
        named = dict(zip(metric.labels, values, strict=True))
        for quantile, value_ms in timer.quantiles_ms().items():
            summary.add_sample(name, {**named, "quantile": str(quantile)}, value_ms / 1000)
        summary.add_metric(values, timer.count, timer.total_ms / 1000)
        longest.add_metric(values, timer.max_ms / 1000)
    yield summary
    yield longest
