"""Sources that send no events, and events that were lost: what time finds, and what it costs to find nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from syncjobs import tasks
from syncjobs.models import Execution, Rule, Trigger
from syncjobs.states import Status
from tests.fakes import images

pytestmark = pytest.mark.django_db(transaction=True)


def tick_when_due() -> Execution:
    """Let the next poll and sweep be due, tick, and let a worker work."""
    past = timezone.now() - timedelta(seconds=1)
    Rule.objects.update(next_poll_at=past, next_sweep_at=past)
    tasks.tick()
    tasks.drain()
    return Execution.objects.latest("pk")


@pytest.mark.parametrize(
    ("fields", "trigger"),
    [
        ({"poll_interval_seconds": 60, "is_push_triggered": False}, Trigger.POLL),
        ({"sweep_interval_seconds": 3600}, Trigger.SWEEP),
    ],
)
class TestTick:
    def test_finds_new_tags_and_costs_lists_and_heads_only_when_there_are_none(
        self, rule, source, target, fields, trigger
    ):
        Rule.objects.update(**fields)
        for number in range(6):
            images.push(images.image(number), source, f"team/app{number % 2}", f"v{number}")

        first = tick_when_due()
        assert (first.trigger, first.status, first.copied_count) == (trigger, Status.SUCCEEDED, 6)
        for registry in (source, target):
            registry.clear_log()

        second = tick_when_due()
        assert (second.trigger, second.status, second.up_to_date_count) == (trigger, Status.SUCCEEDED, 6)
        for registry in (source, target):
            assert registry.count("HEAD", "/manifests/") == 6
            assert registry.count(path_regex="/tags/list") == 2
            assert {request.method for request in registry.requests} <= {"GET", "HEAD"}
            assert registry.count("GET", "/manifests/|/blobs/|/referrers/") == 0

        images.push(images.image("new"), source, "team/app0", "new")
        assert tick_when_due().copied_count == 1
