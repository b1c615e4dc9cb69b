"""Pushes that come while nobody can work on them: later everything is there, and nothing has failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from registries.oci import sending
from registries.services import hooks
from syncjobs import tasks
from syncjobs.models import Execution, Job, PushEvent, Rule
from syncjobs.states import ACTIVE, Status
from tests.factories import make_instance, make_rule
from tests.fakes import images
from tests.fakes.registry import FakeRegistry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

PUSHES = 1000
REPOSITORIES = 100
BODY = 20


@pytest.fixture
def source() -> Iterator[FakeRegistry]:
    with FakeRegistry(is_logging=False) as registry:
        yield registry


@pytest.fixture
def target() -> Iterator[FakeRegistry]:
    with FakeRegistry(is_logging=False) as registry:
        yield registry


@pytest.fixture
def rule(source: FakeRegistry, target: FakeRegistry) -> Rule:
    instance = make_instance(endpoint_url=source.url)
    other = make_instance(endpoint_url=target.url, account=instance.account)
    return make_rule(source=instance, target=other, namespace="team", sweep_interval_seconds=0)


class Pusher:
    """Pushes to the source registry, which tells Regatta of it in bodies of 20 events."""

    def __init__(self, source: FakeRegistry, rule: Rule) -> None:
        secret = hooks.get_or_create_secret(holder=rule.source, by=None, now=timezone.now())
        self._source = source
        self._url = f"/hooks/registries/{rule.source.instance_id}"
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._client = Client()
        self._count = 0

    def push(self, count: int) -> None:
        events = [self._push_one() for _ in range(count)]
        for start in range(0, count, BODY):
            body = json.dumps({"events": events[start : start + BODY]})
            answer = self._client.post(
                self._url, body, content_type="application/json", headers=self._headers
            )
            assert answer.status_code == 202

    def _push_one(self) -> dict[str, object]:
        number = self._count
        self._count += 1
        repository = f"team/app{number % REPOSITORIES}"
        image = images.image(number // REPOSITORIES, layers=1, layer_size=64)
        # Two numbers share a tag, so that every tag is pushed twice, with different content.
        tag = f"v{number // REPOSITORIES // 2}"
        digest = images.push(image, self._source, repository, tag)
        target = {"repository": repository, "tag": tag, "digest": digest}
        return {"id": f"event-{number}", "action": "push", "target": target}


def content(registry: FakeRegistry) -> dict[str, dict[str, str]]:
    return {repository: registry.tags(repository) for repository in registry.repositories()}


def work() -> None:
    """Let a worker do what waits, however late it was put off to."""
    Job.objects.filter(status=Status.PENDING).update(not_before=timezone.now() - timedelta(seconds=1))
    tasks.drain()


def work_until_nothing_is_left() -> None:
    for _ in range(20):
        if not Execution.objects.filter(status__in=ACTIVE).exists():
            return
        work()


class TestOutages:
    @pytest.fixture(autouse=True)
    def no_quick_tries(self, monkeypatch):
        """Let what fails go back to the queue at once: the seconds between quick tries prove nothing here."""
        monkeypatch.setattr(sending, "delay_before_retry", lambda *_given: None)

    def test_nothing_is_lost_and_nothing_fails(self, rule, source, target):
        Rule.objects.update(override=True)
        pusher = Pusher(source, rule)

        pusher.push(PUSHES)  # while all workers are down
        assert content(target) == {}
        (waiting,) = Execution.objects.all()
        assert waiting.repository_count == REPOSITORIES
        work_until_nothing_is_left()
        assert content(target) == content(source)

        target.stop()
        for _ in range(4):  # five minutes, with a worker that tries
            pusher.push(PUSHES // 4)
            work()
        assert set(Execution.objects.values_list("status", flat=True)) == {Status.SUCCEEDED, Status.RUNNING}
        assert Execution.objects.filter(status=Status.RUNNING, next_attempt_at__isnull=False).exists()
        target.start()
        work_until_nothing_is_left()

        assert content(target) == content(source)
        assert set(Execution.objects.values_list("status", flat=True)) == {Status.SUCCEEDED}
        assert not Execution.objects.filter(failed_count__gt=0).exists()
        assert not PushEvent.objects.filter(handled_at=None).exists()
        assert Execution.objects.count() <= 6
