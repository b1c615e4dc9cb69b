"""`POST /hooks/registries/<instance id>`: quick, safe, and silent to strangers."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from console.hooks import registry
from registries import throttling
from registries.models import Backend, Instance
from registries.services import hooks
from syncjobs.models import Execution, Job, PushEvent
from syncjobs.services import intake
from tests.factories import make_backend, make_hosted_instance, make_instance, make_replica, make_rule
from tests.unit.console.hooks.test_formats import event, harbor

pytestmark = pytest.mark.django_db

UNKNOWN = "tcr-unknown1"


@pytest.fixture
def instance():
    return make_rule(namespace="team").source


@pytest.fixture
def secret(instance):
    return secret_of(instance)


@pytest.fixture
def client():
    return Client(enforce_csrf_checks=True)


def secret_of(holder: Instance | Backend) -> str:
    return hooks.get_or_create_secret(holder=holder, by=None, now=timezone.now())


def post(client: Client, instance_id: str, secret: str, body: Any, **headers: str):
    return post_to(client, f"/hooks/registries/{instance_id}", secret, body, **headers)


def post_to(client: Client, path: str, secret: str, body: Any, **headers: str):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return client.generic(
        "POST",
        path,
        body,
        content_type="application/vnd.docker.distribution.events.v1+json",
        headers={"Authorization": f"Bearer {secret}", **headers},
    )


class TestReceive:
    def test_stores_and_handles_what_a_docker_registry_sends(self, client, instance, secret):
        answer = post(client, instance.instance_id, secret, {"events": [event()]})
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
        job = Job.objects.get()
        assert (job.source_repository, job.tags) == ("team/app", ["v1"])
        assert PushEvent.objects.get().handled_at is not None

    def test_stores_and_handles_what_harbor_sends(self, client, instance, secret):
        answer = post(client, instance.instance_id, "", harbor(), Authorization=secret)
        assert answer.status_code == 202
        assert Job.objects.get().tags == ["v1"]

    def test_takes_a_repeated_event_and_does_nothing(self, client, instance, secret):
        for _ in range(3):
            assert post(client, instance.instance_id, secret, {"events": [event()]}).status_code == 202
        assert (PushEvent.objects.count(), Execution.objects.count()) == (1, 1)

    def test_takes_what_is_of_no_interest_without_storing_it(self, client, instance, secret):
        answer = post(client, instance.instance_id, secret, {"events": [event(action="pull")]})
        assert (answer.status_code, answer.json()) == (202, {"accepted": 0})
        assert not PushEvent.objects.exists()

    def test_takes_a_burst_of_500_in_one_body(self, client, instance, secret, django_assert_max_num_queries):
        events = [event(id=f"e{n}", target_tag=f"v{n}") for n in range(500)]
        with django_assert_max_num_queries(40):
            answer = post(client, instance.instance_id, secret, {"events": events})
        assert answer.json() == {"accepted": 500}
        assert len(Job.objects.get().tags or ()) == 500

    def test_answers_202_when_the_events_are_stored_but_could_not_be_handled(
        self, client, instance, secret, monkeypatch
    ):
        def fail(**_given: object) -> int:
            raise OperationalError("database is locked")

        monkeypatch.setattr(intake, "handle", fail)
        assert post(client, instance.instance_id, secret, {"events": [event()]}).status_code == 202
        monkeypatch.undo()
        assert intake.handle_waiting(now=timezone.now()) == 1
        assert Job.objects.get().tags == ["v1"]


class TestBackend:
    @pytest.fixture
    def backend(self):
        return make_backend(code="gz-1")

    def send(self, client: Client, backend: Backend, *repositories: str):
        events = [event(id=name, target_repository=name) for name in repositories]
        return post_to(client, "/hooks/backends/gz-1", secret_of(backend), {"events": events})

    def test_tells_each_hosted_instance_of_its_own_pushes(self, client, backend):
        for prefix in ("hosted/one", "hosted/two", "hosted"):
            make_rule(
                source=make_hosted_instance(backend=backend, prefix=prefix), namespace="team", name="rule"
            )
        answer = self.send(client, backend, "hosted/one/team/app", "hosted/two/team/web")
        assert (answer.status_code, answer.json()) == (202, {"accepted": 2 + 2})
        jobs = Job.objects.order_by("execution__source__prefix")
        assert [(job.execution.source.prefix, job.source_repository) for job in jobs] == [
            ("hosted/one", "team/app"),
            ("hosted/two", "team/web"),
        ]

    def test_leaves_out_replicas_and_what_nobody_owns(self, client, backend):
        make_replica(backend=backend, prefix="mirror")
        make_hosted_instance(prefix="elsewhere")
        make_hosted_instance(backend=backend, prefix="hosted")
        answer = self.send(client, backend, "mirror/team/app", "elsewhere/team/app", "hosted2/app", "app")
        assert (answer.status_code, answer.json()) == (202, {"accepted": 0})
        assert not PushEvent.objects.exists()

    def test_refuses_the_secrets_of_others_and_codes_of_none(self, client, backend, secret):
        secret_of(backend)
        answers = [
            post_to(client, f"/hooks/backends/{code}", presented, {}, **{"X-Request-ID": "the-same-one"})
            for code, presented in (
                ("gz-1", "wrong"),
                ("gz-1", secret),
                ("gz-1", secret_of(make_backend(code="gz-2"))),
                ("nowhere", secret_of(backend)),
            )
        ]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1

    def test_a_malformed_body_gets_a_sentence(self, client, backend):
        answer = post_to(client, "/hooks/backends/gz-1", secret_of(backend), b"{")
        assert (answer.status_code, "no JSON" in answer.json()["error"]) == (400, True)


class TestRefusals:
    def test_a_wrong_secret_and_an_unknown_instance_are_answered_alike(self, client, instance, secret):
        answers = [
            post(client, instance_id, presented, {"events": [event()]}, **{"X-Request-ID": "the-same-one"})
            for instance_id, presented in (
                (instance.instance_id, "wrong"),
                (instance.instance_id, ""),
                (UNKNOWN, secret),
                (make_instance().instance_id, secret),
            )
        ]
        assert {answer.status_code for answer in answers} == {401}
        assert len({(answer.content, str(sorted(answer.headers.items()))) for answer in answers}) == 1
        assert answers[0].headers["WWW-Authenticate"] == "Bearer"
        assert not PushEvent.objects.exists()

    def test_strangers_are_refused_before_their_body_is_read(self, client, instance, secret):
        answer = post(client, instance.instance_id, "wrong", b"x" * (registry.MOST_BYTES + 1))
        assert answer.status_code == 401

    def test_a_body_that_is_too_large(self, client, instance, secret):
        answer = post(client, instance.instance_id, secret, b" " * (registry.MOST_BYTES + 1))
        assert answer.status_code == 413
        assert "1048576" in answer.json()["error"]

    def test_the_largest_body_is_read(self, client, instance, secret):
        body = json.dumps({"events": [event()]}).encode().ljust(registry.MOST_BYTES)
        assert post(client, instance.instance_id, secret, body).status_code == 202

    def test_a_malformed_body_gets_a_sentence_and_changes_nothing(self, client, instance, secret):
        answer = post(client, instance.instance_id, secret, {"events": [event(), {"action": "push"}]})
        assert answer.status_code == 400
        assert answer.json()["error"] == "events[1] has no “target”."
        assert not PushEvent.objects.exists()

    @pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
    def test_other_methods(self, client, instance, method):
        answer = getattr(client, method)(f"/hooks/registries/{instance.instance_id}")
        assert answer.status_code == 405


class TestLimits:
    @pytest.fixture(autouse=True)
    def limit(self, settings, monkeypatch):
        """Three a minute, counted from nothing, at a time that stands still."""
        settings.HOOKS_PER_MINUTE = 3
        monkeypatch.setattr(throttling, "check", throttling.Throttle().check)
        with time_machine.travel(datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC), tick=False):
            yield

    def test_answers_429_and_when_to_come_back_beyond_the_limit(self, client, instance, secret):
        for number in range(3):
            body = {"events": [event(id=f"e{number}")]}
            assert post(client, instance.instance_id, secret, body).status_code == 202
        answer = post(client, instance.instance_id, secret, {"events": [event(id="e3")]})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "40")
        assert PushEvent.objects.count() == 3

    def test_counts_instances_apart_wherever_they_send_from(self, instance, secret):
        other = make_instance()
        other_secret = secret_of(other)
        for number in range(3):
            sender = Client(REMOTE_ADDR=f"192.0.2.{number}")
            assert post(sender, instance.instance_id, secret, {"events": []}).status_code == 202
        sender = Client(REMOTE_ADDR="192.0.2.99")
        assert post(sender, instance.instance_id, secret, {"events": []}).status_code == 429
        assert post(sender, other.instance_id, other_secret, {"events": []}).status_code == 202

    def test_stops_an_address_that_guesses_before_it_looks_at_the_secret(self, client, instance, secret):
        statuses = [post(client, UNKNOWN, f"guess-{number}", {}).status_code for number in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        assert post(client, instance.instance_id, secret, {"events": []}).status_code == 429

    def test_are_none_with_0(self, client, instance, secret, settings):
        settings.HOOKS_PER_MINUTE = 0
        answers = [post(client, instance.instance_id, secret, {"events": []}) for _number in range(8)]
        assert {answer.status_code for answer in answers} == {202}
