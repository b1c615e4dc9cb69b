"""
The platform's status in Prometheus' words, computed from the database at each scrape.

No counters live in processes: workers come and go, and several web processes would each know a part.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from syncjobs.queries.status import PlatformStatus, get_status


class PlatformCollector(Collector):
    """Turns one PlatformStatus into metrics."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment."""
        status = get_status(timezone.now())
        yield _labelled(
            "regatta_executions_active", "Executions not finished", "status", status.active_executions
        )
        yield _labelled(
            "regatta_executions_finished_24h",
            "Executions finished in 24 hours",
            "status",
            status.finished_24h,
        )
        yield _labelled("regatta_tags_24h", "Tags of those executions", "outcome", status.tags_24h)
        yield from _plain(status)
        heartbeat = GaugeMetricFamily(
            "regatta_worker_heartbeat_age_seconds", "Age of the last heartbeat", labels=["worker", "kind"]
        )
        jobs = GaugeMetricFamily("regatta_worker_jobs", "Jobs in hand", labels=["worker", "kind"])
        for worker in status.workers:
            kind = "supervisor" if worker.is_supervisor else "drain"
            heartbeat.add_metric([worker.name, kind], worker.heartbeat_age_seconds)
            jobs.add_metric([worker.name, kind], worker.job_count)
        yield heartbeat
        yield jobs


def make_registry() -> CollectorRegistry:
    """Return a registry with the platform's metrics only, none of this process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PlatformCollector())
    return registry


def _plain(status: PlatformStatus) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "regatta_bytes_copied_24h", "Bytes copied by executions finished in 24 hours", status.bytes_copied_24h
    )
    yield GaugeMetricFamily("regatta_jobs_due", "Jobs that a worker could take now", status.due_job_count)
    yield GaugeMetricFamily(
        "regatta_oldest_due_job_seconds",
        "How long the oldest due job has waited",
        status.oldest_due_job_seconds,
    )
    yield GaugeMetricFamily(
        "regatta_jobs_waiting", "Jobs not running, due now or later", status.waiting_job_count
    )
    yield GaugeMetricFamily("regatta_jobs_running", "Jobs under a lease", status.running_job_count)
    yield GaugeMetricFamily("regatta_doorbells", "Doorbells nobody has answered", status.doorbell_count)
    yield GaugeMetricFamily(
        "regatta_executions_paused", "Executions that wait for a throttling registry", status.paused_count
    )
    yield GaugeMetricFamily(
        "regatta_push_events_unhandled", "Push events not turned into work yet", status.unhandled_event_count
    )
    yield GaugeMetricFamily(
        "regatta_push_lag_seconds", "Age of the oldest unhandled push event", status.oldest_event_seconds
    )


def _labelled(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
