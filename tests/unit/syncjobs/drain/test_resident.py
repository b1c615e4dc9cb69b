"""What a worker process keeps between drains, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from registries.models import Credential
from syncjobs.drain.resident import Resident
from syncjobs.models import Rule
from syncjobs.services import rules
from syncjobs.states import Status
from tests.factories import make_instance, make_rule
from tests.fakes import images
from tests.fakes.auth import BearerAuth
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def auth() -> BearerAuth:
    return BearerAuth("robot", "secret")


@pytest.fixture
def source(auth: BearerAuth) -> Iterator[FakeRegistry]:
    with FakeRegistry(auth=auth) as registry:
        yield registry


@pytest.fixture
def rule(source: FakeRegistry, target: FakeRegistry) -> Rule:
    instance = make_instance(endpoint_url=source.url, username="robot", password="secret")
    other = make_instance(endpoint_url=target.url, account=instance.account)
    return make_rule(source=instance, target=other, namespace="team", repository="app")


@pytest.fixture
def resident() -> Iterator[Resident]:
    resident = Resident()
    yield resident
    resident.close()


def run(resident: Resident, rule: Rule) -> str:
    execution = rules.trigger(rule=rule, by=None, now=timezone.now())
    resident.drain()
    execution.refresh_from_db()
    return execution.status


def open_sockets() -> int:
    links = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return sum(str(link).startswith("socket:") for link in links)


class TestResident:
    def test_fetches_no_second_token(self, resident, rule, source, auth):
        images.push(images.image("1"), source, "team/app", "v1")
        assert run(resident, rule) == Status.SUCCEEDED
        issued = len(auth.issued)
        assert issued
        source.clear_log()

        assert run(resident, rule) == Status.SUCCEEDED

        assert len(auth.issued) == issued
        assert 401 not in {request.status for request in source.requests}

    def test_uses_a_changed_credential_at_once(self, resident, rule, auth):
        assert run(resident, rule) == Status.SUCCEEDED
        issued = len(auth.issued)
        auth.password = "changed"
        credential = Credential.objects.get(instance=rule.source)
        credential.seal_password("changed")
        credential.save()
        assert run(resident, rule) == Status.SUCCEEDED
        assert len(auth.issued) > issued

    def test_does_not_believe_what_an_earlier_drain_saw_at_the_target(self, resident, rule, source, target):
        digest = images.push(images.image("1"), source, "team/app", "v1")
        run(resident, rule)
        target.delete_manifest("team/app", digest)
        for blob in list(target.blobs("team/app")):
            target.delete_blob("team/app", blob)

        assert run(resident, rule) == Status.SUCCEEDED

        assert target.manifest("team/app", "v1").digest == digest
        assert target.blobs("team/app") == source.blobs("team/app")

    def test_closes_what_a_drain_did_not_use(self, resident, rule):
        with FakeRegistry() as first, FakeRegistry() as second:
            instance = make_instance(endpoint_url=first.url)
            other = make_instance(endpoint_url=second.url, account=instance.account)
            images.push(images.image("1"), first, "team/app", "v1")
            run(resident, make_rule(source=instance, target=other, namespace="team"))
        run(resident, rule)
        known = {endpoint.key for endpoint, _writes in resident._pool._clients}
        assert known == {rule.source.endpoint_url, rule.target.endpoint_url} & known
        assert set(resident._pool._limiters) == known

    def test_leaves_no_more_connections_open_with_every_drain(self, resident, rule, source):
        images.push(images.image("1"), source, "team/app", "v1")
        for _ in range(3):
            run(resident, rule)
        before = open_sockets()
        for _ in range(5):
            run(resident, rule)
        assert open_sockets() <= before
