"""A whole drain in this process, between two fake registries."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from syncjobs import reasons, tasks
from syncjobs.models import Execution, Job, Rule, Worker
from syncjobs.services import executions, rules
from syncjobs.states import Status
from tests.factories import make_cross_tenant_rule, make_instance
from tests.fakes import images
from tests.fakes.faults import Fault, Gate

pytestmark = pytest.mark.django_db(transaction=True)


def run(rule: Rule) -> Execution:
    execution = rules.trigger(rule=rule, by=None, now=timezone.now())
    tasks.drain()
    execution.refresh_from_db()
    return execution


def stop_when_reached(execution: Execution, gate: Gate) -> None:
    try:
        gate.wait_until_reached()
        executions.stop(execution=execution, by=None, now=timezone.now())
    finally:
        connections.close_all()


class TestDrain:
    def test_copies_what_the_rule_selects_and_signs_out(self, rule, source, target):
        digest = images.push(images.multi_platform(), source, "team/app", "v1")
        images.push(images.image("no"), source, "elsewhere/app", "v1")

        execution = run(rule)

        assert execution.status == Status.SUCCEEDED
        assert (execution.repository_count, execution.copied_count) == (1, 1)
        assert target.manifest("team/app", "v1").digest == digest
        assert target.repositories() == ["team/app"]
        assert not Worker.objects.exists()

    def test_says_that_nothing_matched(self, rule):
        execution = run(rule)
        assert (execution.status, execution.reason) == (Status.SUCCEEDED, reasons.NOTHING_MATCHED)

    def test_a_refused_catalogue_is_a_failure_not_an_empty_success(self, rule, source):
        source.fault(Fault(path="/v2/_catalog", status=403))
        execution = run(rule)
        assert (execution.status, execution.reason) == (Status.FAILED, "forbidden")

    def test_collisions_fail_and_the_rest_is_copied(self, rule, source, target):
        for path in ("team/a/app", "team/b/app", "team/other"):
            images.push(images.image(path), source, path, "v1")
        Rule.objects.filter(pk=rule.pk).update(target_namespace="flat", is_flattened=True)
        rule.refresh_from_db()

        execution = run(rule)

        assert execution.status == Status.FAILED
        assert execution.success_ratio == pytest.approx(1 / 3)
        assert target.repositories() == ["flat/other"]
        failed = execution.jobs.filter(status=Status.FAILED)
        assert {job.source_repository for job in failed} == {"team/a/app", "team/b/app"}
        assert {job.reason for job in failed} == {reasons.TARGET_COLLISION}

    def test_an_unreachable_target_is_tried_again_later_and_the_execution_goes_on(self, rule, source, target):
        images.push(images.image(), source, "team/app", "v1")
        target.stop()

        execution = run(rule)

        assert execution.status == Status.RUNNING
        job = execution.jobs.get(kind="copy")
        assert (job.status, job.reason, job.reason_side) == (Status.PENDING, "unreachable", "target")
        assert execution.next_attempt_at == job.not_before > timezone.now()

        target.start()
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        tasks.drain()
        execution.refresh_from_db()
        assert (execution.status, execution.copied_count) == (Status.SUCCEEDED, 1)

    def test_after_the_retry_window_it_has_failed(self, rule, source, target):
        images.push(images.image(), source, "team/app", "v1")
        target.stop()
        Rule.objects.filter(pk=rule.pk).update(retry_window_seconds=60)
        rule.refresh_from_db()
        execution = run(rule)
        Job.objects.update(not_before=timezone.now(), first_failed_at=timezone.now() - timedelta(seconds=59))

        tasks.drain()

        execution.refresh_from_db()
        assert (execution.status, execution.reason) == (Status.FAILED, "unreachable")

    def test_one_bad_tag_fails_itself(self, rule, source, target):
        images.push(images.image("good"), source, "team/app", "good")
        images.push(images.schema1(), source, "team/app", "bad")

        execution = run(rule)

        assert (execution.status, execution.copied_count, execution.failed_count) == (Status.FAILED, 1, 1)
        assert execution.outcomes.get(tag="bad").reason == "schema1_refused"
        assert list(target.tags("team/app")) == ["good"]

    def test_retry_failed_works_on_the_failed_tags_only(self, rule, source, target):
        images.push(images.image("good"), source, "team/app", "good")
        images.push(images.image("bad"), source, "team/app", "bad")
        target.fault(Fault(method="PUT", path="/manifests/bad", status=413, times=1))
        execution = run(rule)
        assert (execution.status, execution.failed_count) == (Status.FAILED, 1)
        source.clear_log()

        executions.retry_failed(execution=execution, by=None, now=timezone.now())
        tasks.drain()

        execution.refresh_from_db()
        assert execution.status == Status.SUCCEEDED
        assert (execution.copied_count, execution.failed_count) == (2, 0)
        assert execution.success_ratio == 1
        assert not source.count("HEAD", "/manifests/good")

    def test_a_stop_request_ends_what_is_under_way_even_in_mid_blob(self, rule, source, target):
        images.push(images.image(layers=1), source, "team/app", "v1")
        gate = Gate()
        source.fault(Fault(method="GET", path="/blobs/", gate=gate, times=None))
        execution = rules.trigger(rule=rule, by=None, now=timezone.now())

        with ThreadPoolExecutor(1) as executor:
            stopped = executor.submit(stop_when_reached, execution, gate)
            tasks.drain()
            stopped.result()

        execution.refresh_from_db()
        assert (execution.status, execution.reason) == (Status.STOPPED, reasons.STOPPED_BY_USER)
        assert target.repositories() == []
        gate.open()

    def test_what_a_registry_says_is_stored_whatever_characters_it_uses(self, rule, source, target):
        images.push(images.image(), source, "team/app", "v1")
        body = b'{"errors": [{"code": "DENIED", "message": "no\\u0000 \\ud800 way"}]}'
        target.fault(Fault(method="PUT", path="/manifests/v1", status=400, body=body, times=None))

        execution = run(rule)

        assert execution.status == Status.FAILED
        assert "way" in execution.outcomes.get(tag="v1").reason_detail

    def test_a_repository_that_fails_as_a_whole_is_retried_as_a_whole(self, rule, source, target):
        for tag in ("one", "two", "three"):
            images.push(images.image(tag), source, "team/app", tag)
        fault = Fault(path="/v2/team/app/", status=401, times=None)
        target.fault(fault)
        execution = run(rule)
        assert (execution.status, execution.reason) == (Status.FAILED, "unauthorized")
        target.faults.clear()

        executions.retry_failed(execution=execution, by=None, now=timezone.now())
        tasks.drain()

        execution.refresh_from_db()
        assert (execution.status, execution.copied_count, execution.failed_count) == (Status.SUCCEEDED, 3, 0)


class TestTargetOfAnotherAccount:
    def test_is_not_located_by_the_words_of_an_error(self, source, target):
        images.push(images.image(), source, "team/app", "v1")
        rule = make_cross_tenant_rule(
            source=make_instance(endpoint_url=source.url),
            target=make_instance(endpoint_url=target.url),
            namespace="team",
        )
        address = target.url.partition("://")[2]
        target.stop()

        execution = run(rule)

        outcome = execution.outcomes.get()
        job = execution.jobs.exclude(reason_detail="").latest("pk")
        assert outcome.reason == job.reason == "unreachable"
        assert "no connection to the registry" in outcome.reason_detail
        assert address not in outcome.reason_detail + job.reason_detail
