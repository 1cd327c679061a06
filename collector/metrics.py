"""What Prometheus is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .records import STATES, Counts

REFUSALS = (
    "connections", "connections of one address", "handshake", "log-in", "token", "method",
    "broken", "too slow", "too large", "encoding", "no report", "another schema",
    "another report of this id", "of another sweep", "busy", "store",
)  # fmt: skip
"""Kinds, all of them told from the start."""
OutputFigures = tuple[str, int, int, int, int, float]
"""Name, findings sent, failures, reports behind, dead letters, last success (s since 1970)."""


class Metrics:
    """The collector's own registry; nothing is global."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.reports = Counter(
            "iocsweep_collector_reports",
            "Requests to keep a report, by what became of them",
            ["result"],
            registry=self._registry,
        )
        self.results = {
            result: self.reports.labels(result)
            for result in ("new", "known", "conflict", "refused")
        }
        """Looked up once: by labels it costs as much as unpacking a report."""
        refusals = Counter(
            "iocsweep_collector_refusals",
            "What was refused, by why: connections, reports, log-ins",
            ["kind"],
            registry=self._registry,
        )
        self._refusals = {kind: refusals.labels(kind) for kind in REFUSALS}
        self.bytes = Counter(
            "iocsweep_collector_report_bytes", "Bytes of bodies taken", registry=self._registry
        )
        self.acknowledged = Histogram(
            "iocsweep_collector_acknowledge_seconds",
            "From a request's head to its report's commit",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self._registry,
        )
        self.waiting = Gauge(
            "iocsweep_collector_waiting_reports",
            "Reports that wait for their commit",
            registry=self._registry,
        )

        self._hosts = Gauge(
            "iocsweep_collector_hosts",
            "Hosts of a sweep by what they say, and expected ones that have not reported",
            ["sweep", "state"],
            registry=self._registry,
        )
        self._suppressed = Gauge(
            "iocsweep_collector_suppressed_findings",
            "Findings of a sweep that people have set aside, once per host",
            ["sweep"],
            registry=self._registry,
        )
        self._marked = Gauge(
            "iocsweep_collector_marked_hosts",
            "Hosts of a sweep, whatever they say, that a person should look at",
            ["sweep", "mark"],
            registry=self._registry,
        )

    def refuse(self, kind: str) -> None:
        """Count one of :data:`REFUSALS`."""
        self._refusals[kind].inc()

    def certificate_ends(self, at: float) -> None:
        """When the server's certificate ends, in seconds since 1970 UTC."""
        Gauge(
            "iocsweep_collector_certificate_end_timestamp_seconds",
            "When the server's certificate ends",
            registry=self._registry,
        ).set(at)

    def tell_hosts(self, sweeps: Iterable[tuple[str, Counts]]) -> None:
        """Of these sweeps, and of none that was told before."""
        self._hosts.clear()
        self._marked.clear()
        self._suppressed.clear()
        for sweep_id, counts in sweeps:
            for state in STATES:
                self._hosts.labels(sweep_id, state).set(getattr(counts, state))
            self._hosts.labels(sweep_id, "not_reported").set(counts.not_reported)
            self._suppressed.labels(sweep_id).set(counts.suppressed_findings)
            for mark in (
                "suppressed",
                "flagged",
                "turned",
                "owing",
                "unexpected",
                "expected",
                "unowned",
            ):
                self._marked.labels(sweep_id, mark).set(getattr(counts, mark))

    def watch(self, of: Callable[[], Iterable[OutputFigures]]) -> None:
        """Tell the figures of each output."""
        self._registry.register(_Outputs(of))

    def text(self) -> bytes:
        """In the text format of Prometheus."""
        return bytes(generate_latest(self._registry))


class _Outputs(Collector):
    def __init__(self, of: Callable[[], Iterable[OutputFigures]]) -> None:
        self._of = of

    def collect(self) -> Iterable[Metric]:
        families = [
            GaugeMetricFamily(f"iocsweep_collector_output_{name}", words, labels=["output"])
            for name, words in (
                ("sent", "Findings that the destination has"),
                ("failures", "Attempts that failed"),
                ("behind", "Reports that it has not been sent yet"),
                ("dead_letters", "Findings that it refused for good, and that wait"),
                ("last_success_seconds", "When it last took something, Unix time; 0: never"),
            )
        ]
        for output, *values in self._of():
            for family, value in zip(families, values, strict=True):
                family.add_metric([output], value)
        return families
