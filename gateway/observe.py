"""What an operator sees: metrics, the health report, and logs that name no person.

A log line carries ids, numbers, counts and stable words. An unexpected exception is logged as its type and the places
it passed through, never its message: a message may quote what a customer wrote.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.errors import DeliveryFailed
from gateway.ids import new_id
from gateway.ports import Now, Storage

log = logging.getLogger("huiyin")

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """The figures of /metrics; all durations in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(
            "huiyin_messages", "Inbound messages by what became of them", ["channel", "outcome"], registry=self.registry
        )
        self.received_to_number = Histogram(
            "huiyin_received_to_number_seconds",
            "From the gateway holding a message to its commit under a number",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.number_to_sent = Histogram(
            "huiyin_number_to_sent_seconds",
            "From the commit of a notice to a provider taking it",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.attempts = Counter(
            "huiyin_delivery_attempts", "Hand-overs by lane and result", ["lane", "outcome"], registry=self.registry
        )
        self.compared = Counter(
            "huiyin_reconciled", "Messages a source says it gave us", ["source"], registry=self.registry
        )
        self.missed = Counter(
            "huiyin_missed",
            "Of those, messages that had not come and were taken in now",
            ["source"],
            registry=self.registry,
        )
        self.faults = Counter("huiyin_faults", "Unexpected errors, by where", ["where"], registry=self.registry)
        self.oldest_unsent = Gauge(
            "huiyin_oldest_unsent_seconds",
            "Age of the oldest notice not sent, by state",
            ["state"],
            registry=self.registry,
        )
        self.oldest_due = Gauge(
            "huiyin_oldest_due_seconds",
            "How long the oldest work of a lane is overdue",
            ["lane"],
            registry=self.registry,
        )
        self.undelivered = Gauge(
            "huiyin_notices_undelivered", "Notices not sent yet, by state", ["state"], registry=self.registry
        )
        self.loop_age = Gauge(
            "huiyin_loop_age_seconds", "Since a background loop last succeeded", ["loop"], registry=self.registry
        )

    def render(self) -> bytes:
        """Return the exposition text of Prometheus."""
        return generate_latest(self.registry)


class Beats:
    """When each background loop last succeeded, and how old that may become before the node is not ready.

    `seconds` counts on, whatever the machine's clock is set to: an hour back must not hide a loop that hangs, an hour
    forward not make every one look dead.
    """

    def __init__(self, *, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._last: dict[str, float] = {}
        self._limits: dict[str, float] = {}
        self.hints: set[str] = set()  # whose age is shown, and no more

    def expect(self, name: str, *, within: float, needed: bool = True) -> Callable[[], None]:
        """Register a loop that must succeed at least every `within` seconds; return what it calls when it does.

        One that is not `needed` only asks a provider: while that one is away, the node takes complaints all the same.
        """
        if not needed:
            self.hints.add(name)
        self._limits[name] = within
        self._last[name] = self._seconds()

        def alive() -> None:
            self._last[name] = self._seconds()

        return alive

    def show(self, metrics: Metrics) -> None:
        """Bring the loop-age gauges up to date."""
        for name, (age, _) in self.ages().items():
            metrics.loop_age.labels(name).set(age)

    def ages(self) -> Mapping[str, tuple[float, bool]]:
        """Return for each loop the seconds since it last succeeded, and whether that is still within its limit."""
        present = self._seconds()
        ages = {name: present - last for name, last in self._last.items()}
        return {name: (age, age <= self._limits[name]) for name, age in ages.items()}


async def measure_backlog(storage: Storage, metrics: Metrics, now: datetime) -> Mapping[str, int]:
    """Bring the backlog gauges up to date; return the count of undelivered notices by state."""
    async with storage.reading() as tx:
        states = await tx.notices.states()
        since = await tx.notices.waiting_since()
        due = await tx.queue.oldest()
    metrics.undelivered.clear()
    for state, count in states.items():
        metrics.undelivered.labels(state.value).set(count)
    metrics.oldest_unsent.clear()
    for state, at in since.items():  # by its cause: every retry moves the time it is due
        metrics.oldest_unsent.labels(state.value).set(max(0.0, (now - at).total_seconds()))
    metrics.oldest_due.clear()
    for lane, due_at in due.items():
        metrics.oldest_due.labels(lane).set(max(0.0, (now - due_at).total_seconds()))
    return {state.value: count for state, count in states.items()}


def fault(where: str, error: BaseException, *, metrics: Metrics | None, now: datetime) -> str:
    """Log an unexpected error without its message; return the id under which it can be found."""
    fault_id = new_id(now)
    places = [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    kinds = [type(error).__name__]
    if error.__cause__ is not None:
        kinds.append(type(error.__cause__).__name__)
    fields = {"where": where, "id": fault_id, "error": kinds, "places": places[-6:]}
    if isinstance(error, DeliveryFailed):  # a stable word of ours, such as "unreachable" or "errcode 60020"
        fields["reason"] = error.reason
    log.error("fault", extra={"fields": fields})
    if metrics is not None:
        metrics.faults.labels(where).inc()
    return fault_id


class JsonLines(logging.Formatter):
    """One JSON object a line. Only this program's own words and the fields given as `extra={"fields": {...}}`."""

    def __init__(self, *, now: Now) -> None:
        super().__init__()
        self._now = now

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": self._now().isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        # Another library's message may quote a recipient or a text: its place is logged, its words are not.
        line["event"] = (
            record.getMessage() if record.name.split(".")[0] == "huiyin" else f"{record.module}:{record.lineno}"
        )
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging(*, now: Now, level: str = "INFO") -> None:
    """Send the log of the process to standard error as JSON lines: ours from `level` on, warnings of the rest."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(now=now))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(level)
    logging.captureWarnings(True)
