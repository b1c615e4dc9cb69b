"""Opening, stopping, retrying and finishing executions: who may, when, what is counted, and by whom at once."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction

from registries import audit
from registries.models import AuditEvent, Permission, Role
from registries.policies import Refused
from syncjobs import policies, queue, reasons
from syncjobs.models import Execution, Job, JobKind, OutcomeStatus, Queue, Trigger
from syncjobs.policies import AlreadyRunning
from syncjobs.services import executions
from syncjobs.states import Status
from tests.factories import (
    make_execution,
    make_grant,
    make_job,
    make_outcome,
    make_replica,
    make_rule,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
SUMS = {
    "copied_count": 3,
    "up_to_date_count": 4,
    "skipped_count": 2,
    "failed_count": 1,
    "deleted_count": 5,
    "bytes_copied": 1000,
}


@pytest.fixture
def rings(monkeypatch):
    """How often the doorbell was rung."""
    heard: list[str] = []
    monkeypatch.setattr(queue, "ring", lambda: heard.append("one"))
    monkeypatch.setattr(queue, "ring_all", lambda: heard.append("all"))
    return heard


def fresh(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


def failed_execution(**fields: Any) -> Execution:
    return make_execution(status=Status.FAILED, **fields)


class TestOpenScan:
    def test_opens_a_pending_execution_with_one_job_that_looks_for_repositories(self, rings):
        rule, user = make_rule(), make_user()
        execution = executions.open_scan(rule=rule, trigger=Trigger.MANUAL, by=user, now=NOW)
        job = Job.objects.get()
        assert (execution.status, execution.trigger, execution.source) == ("pending", "manual", rule.source)
        assert (execution.started_by, execution.created_at, execution.started_at) == (user, NOW, None)
        assert (job.execution, job.kind, job.queue) == (execution, JobKind.DISCOVER, Queue.INTERACTIVE)
        assert (job.account_id, job.not_before, job.status) == (rule.source.account_id, NOW, "pending")
        assert rings == ["one"]

    def test_is_refused_by_the_database_while_another_scan_is_active(self):
        rule = make_rule()
        make_execution(rule=rule, trigger=Trigger.SCHEDULE)
        with pytest.raises(IntegrityError), transaction.atomic():
            executions.open_scan(rule=rule, trigger=Trigger.MANUAL, by=None, now=NOW)
        assert Execution.objects.count() == 1
        assert not Job.objects.exists()

    def test_leaves_no_execution_without_its_job(self, monkeypatch):
        rule = make_rule()

        def fail(**_fields: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(Job.objects, "create", fail)
        with pytest.raises(RuntimeError):
            executions.open_scan(rule=rule, trigger=Trigger.MANUAL, by=None, now=NOW)
        assert not Execution.objects.exists()


class TestStop:
    def test_ends_at_once_what_no_worker_has_taken(self):
        execution = make_execution()
        job = make_job(execution=execution)
        executions.stop(execution=execution, by=None, now=NOW)
        execution, job = fresh(execution), fresh(job)
        assert (execution.status, execution.finished_at, execution.reason) == (
            Status.STOPPED,
            NOW,
            reasons.STOPPED_BY_USER,
        )
        assert (job.status, job.finished_at, job.reason) == (Status.STOPPED, NOW, reasons.STOPPED_BY_USER)

    def test_only_asks_the_workers_for_the_rest(self):
        execution = make_execution(status=Status.RUNNING)
        running, waiting = make_job(execution=execution, status=Status.RUNNING), make_job(execution=execution)
        executions.stop(execution=execution, by=None, now=NOW)
        execution = fresh(execution)
        assert (execution.status, execution.stop_requested_at) == (Status.RUNNING, NOW)
        assert (fresh(running).status, fresh(waiting).status) == (Status.RUNNING, Status.STOPPED)

    def test_leaves_finished_repositories_as_they_are(self):
        execution = make_execution(status=Status.RUNNING)
        jobs = [make_job(execution=execution, status=status) for status in (Status.SUCCEEDED, Status.FAILED)]
        make_job(execution=execution)
        executions.stop(execution=execution, by=None, now=NOW)
        assert [fresh(job).status for job in jobs] == [Status.SUCCEEDED, Status.FAILED]
        assert fresh(execution).status == Status.FAILED

    def test_keeps_the_time_of_the_first_request(self):
        execution = make_execution(status=Status.RUNNING)
        make_job(execution=execution, status=Status.RUNNING)
        executions.stop(execution=execution, by=None, now=NOW)
        executions.stop(execution=execution, by=None, now=LATER)
        assert fresh(execution).stop_requested_at == NOW

    def test_is_refused_for_an_execution_that_has_finished(self):
        with pytest.raises(Refused, match="has finished"):
            executions.stop(execution=make_execution(status=Status.SUCCEEDED), by=None, now=NOW)
        assert not AuditEvent.objects.exists()

    def test_is_refused_if_it_finished_after_the_page_was_shown(self):
        execution = make_execution(status=Status.RUNNING)
        Execution.objects.update(status=Status.SUCCEEDED, finished_at=NOW)
        with pytest.raises(Refused, match="has finished"):
            executions.stop(execution=execution, by=None, now=LATER)
        assert fresh(execution).stop_requested_at is None

    def test_is_noted(self):
        execution = make_execution()
        user = make_user(account=execution.source.account, role=Role.OPERATOR)
        executions.stop(execution=execution, by=user, now=NOW)
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor, event.account) == (
            audit.Verb.EXECUTION_STOPPED,
            user,
            execution.source.account,
        )
        assert (event.target_type, event.target_id) == ("execution", str(execution.pk))

    def test_leaves_nothing_when_the_last_step_fails(self, monkeypatch):
        execution = make_execution()
        job = make_job(execution=execution)

        def fail(*_arguments: object, **_keywords: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(executions, "settle", fail)
        with pytest.raises(RuntimeError):
            executions.stop(execution=execution, by=None, now=NOW)
        assert fresh(execution).stop_requested_at is None
        assert fresh(job).status == Status.PENDING
        assert not AuditEvent.objects.exists()


class TestRetryFailed:
    def test_puts_failed_and_stopped_repositories_back_and_no_others(self, rings):
        execution = failed_execution()
        failed = make_job(execution=execution, status=Status.FAILED, reason="unauthorized", lost_count=3)
        stopped = make_job(execution=execution, status=Status.STOPPED, reason=reasons.STOPPED_BY_USER)
        done = make_job(execution=execution, status=Status.SUCCEEDED)
        executions.retry_failed(execution=execution, by=None, now=NOW)
        for job in map(fresh, (failed, stopped)):
            assert (job.status, job.not_before, job.finished_at) == (Status.PENDING, NOW, None)
            assert (job.reason, job.lost_count, job.first_failed_at, job.retry_tags) == ("", 0, None, None)
        assert fresh(done).status == Status.SUCCEEDED
        assert rings == ["all"]

    def test_makes_the_execution_run_again_without_its_old_end(self):
        execution = failed_execution(
            reason="unauthorized", reason_detail="denied", stop_requested_at=NOW, failed_repository_count=1
        )
        make_job(execution=execution, status=Status.FAILED, reason="unauthorized")
        executions.retry_failed(execution=execution, by=None, now=LATER)
        execution = fresh(execution)
        assert (execution.status, execution.finished_at) == (Status.RUNNING, None)
        assert (execution.stop_requested_at, execution.reason, execution.reason_detail) == (None, "", "")
        assert execution.failed_repository_count == 0

    def test_works_on_the_failed_tags_only_and_keeps_what_the_others_counted(self):
        execution = failed_execution()
        job = make_job(execution=execution, status=Status.FAILED, retry_tags=["left"], **SUMS)
        make_outcome(job=job, tag="good")
        make_outcome(job=job, tag="bad", status=OutcomeStatus.FAILED)
        executions.retry_failed(execution=execution, by=None, now=NOW)
        job = fresh(job)
        assert job.retry_tags == ["bad", "left"]
        assert {name: getattr(job, name) for name in SUMS} == SUMS | {"failed_count": 0}

    def test_counts_the_tags_of_a_stopped_repository_anew(self):
        execution = make_execution(status=Status.STOPPED)
        job = make_job(execution=execution, status=Status.STOPPED, **SUMS)
        make_outcome(job=job, tag="bad", status=OutcomeStatus.FAILED)
        executions.retry_failed(execution=execution, by=None, now=NOW)
        job = fresh(job)
        assert job.retry_tags is None
        assert {name: getattr(job, name) for name in SUMS} == dict.fromkeys(SUMS, 0) | {"bytes_copied": 1000}

    def test_works_on_all_tags_of_a_repository_that_failed_as_a_whole(self):
        execution = failed_execution()
        job = make_job(execution=execution, status=Status.FAILED, reason="unauthorized", **SUMS)
        make_outcome(job=job, tag="one", status=OutcomeStatus.FAILED, reason="unauthorized")
        executions.retry_failed(execution=execution, by=None, now=NOW)
        assert fresh(job).retry_tags is None
        assert fresh(job).copied_count == 0

    def test_looks_for_repositories_again_if_that_failed(self):
        execution = failed_execution()
        job = make_job(execution=execution, kind=JobKind.DISCOVER, source_repository="", status=Status.FAILED)
        executions.retry_failed(execution=execution, by=None, now=NOW)
        assert fresh(job).status == Status.PENDING

    def test_is_refused_while_it_runs_or_if_nothing_failed(self):
        running = make_execution(status=Status.RUNNING)
        make_job(execution=running, status=Status.FAILED)
        succeeded = make_execution(status=Status.SUCCEEDED)
        make_job(execution=succeeded, status=Status.SUCCEEDED)
        for execution in (running, succeeded):
            with pytest.raises(Refused):
                executions.retry_failed(execution=execution, by=None, now=NOW)
        assert not AuditEvent.objects.exists()

    def test_is_refused_the_second_time_even_with_an_old_page(self):
        execution = failed_execution()
        make_job(execution=execution, status=Status.FAILED)
        stale = fresh(execution)
        executions.retry_failed(execution=execution, by=None, now=NOW)
        with pytest.raises(Refused, match="has not finished"):
            executions.retry_failed(execution=stale, by=None, now=LATER)

    def test_is_refused_while_another_scan_of_the_rule_is_active(self):
        execution = failed_execution()
        job = make_job(execution=execution, status=Status.FAILED)
        make_execution(rule=execution.rule)
        with pytest.raises(AlreadyRunning):
            executions.retry_failed(execution=execution, by=None, now=NOW)
        assert fresh(job).status == Status.FAILED

    def test_is_refused_if_another_scan_begins_at_the_same_moment(self, monkeypatch):
        execution = failed_execution()
        job = make_job(execution=execution, status=Status.FAILED)
        make_execution(rule=execution.rule)
        monkeypatch.setattr(policies, "check_can_retry", lambda _execution: None)
        with pytest.raises(AlreadyRunning, match="just now"):
            executions.retry_failed(execution=execution, by=None, now=NOW)
        assert (fresh(job).status, fresh(execution).status) == (Status.FAILED, Status.FAILED)

    def test_is_noted(self):
        execution = failed_execution()
        make_job(execution=execution, status=Status.FAILED)
        user = make_user(account=execution.source.account)
        executions.retry_failed(execution=execution, by=user, now=NOW)
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor) == (audit.Verb.EXECUTION_RETRIED, user)


class TestPermission:
    @pytest.fixture(params=["stop", "retry"])
    def act(self, request) -> tuple[Execution, Callable[..., None]]:
        if request.param == "stop":
            return make_execution(), executions.stop
        execution = failed_execution()
        make_job(execution=execution, status=Status.FAILED)
        return execution, executions.retry_failed

    @pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.OPERATOR])
    def test_is_held_by_those_who_synchronize(self, act, role):
        execution, service = act
        service(execution=execution, by=make_user(account=execution.source.account, role=role), now=NOW)
        assert AuditEvent.objects.count() == 1

    def test_is_held_by_a_viewer_with_a_grant_only(self, act):
        execution, service = act
        viewer = make_user(account=execution.source.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=execution.source, permission=Permission.PUSH)
        with pytest.raises(PermissionDenied):
            service(execution=execution, by=viewer, now=NOW)
        viewer.grants.update(permission=Permission.SYNCHRONIZE)
        service(execution=execution, by=viewer, now=NOW)

    def test_is_not_held_by_another_tenant(self, act):
        execution, service = act
        before = Execution.objects.values().get(pk=execution.pk)
        with pytest.raises(PermissionDenied):
            service(execution=execution, by=make_user(), now=NOW)
        assert Execution.objects.values().get(pk=execution.pk) == before
        assert not AuditEvent.objects.exists()


class TestSettle:
    def test_adds_up_the_copies_and_leaves_the_discovery_out(self):
        execution = make_execution(status=Status.RUNNING)
        make_job(execution=execution, kind=JobKind.DISCOVER, source_repository="", status=Status.SUCCEEDED)
        for status in (Status.SUCCEEDED, Status.FAILED, Status.RUNNING):
            make_job(execution=execution, status=status, **SUMS)
        executions.settle(execution.pk, now=NOW)
        execution = fresh(execution)
        assert {name: getattr(execution, name) for name in SUMS} == {n: 3 * v for n, v in SUMS.items()}
        assert (
            execution.repository_count,
            execution.succeeded_repository_count,
            execution.failed_repository_count,
        ) == (3, 1, 1)
        assert (execution.status, execution.finished_at) == (Status.RUNNING, None)

    def test_is_safe_to_repeat(self):
        execution = make_execution(status=Status.RUNNING)
        make_job(execution=execution, status=Status.SUCCEEDED, **SUMS)
        executions.settle(execution.pk, now=NOW)
        before = Execution.objects.values().get()
        executions.settle(execution.pk, now=LATER)
        assert Execution.objects.values().get() == before

    @pytest.mark.parametrize(
        ("jobs", "final", "reason"),
        [
            ([Status.SUCCEEDED, Status.SUCCEEDED], Status.SUCCEEDED, ""),
            ([Status.SUCCEEDED, Status.FAILED], Status.FAILED, "forbidden"),
            ([Status.STOPPED, Status.FAILED], Status.FAILED, "forbidden"),
            ([Status.STOPPED, Status.SUCCEEDED], Status.STOPPED, reasons.STOPPED_BY_USER),
            ([], Status.SUCCEEDED, reasons.NOTHING_MATCHED),
        ],
    )
    def test_finishes_with_the_reason(self, jobs, final, reason):
        execution = make_execution(status=Status.RUNNING)
        for status in jobs:
            make_job(
                execution=execution, status=status, reason="forbidden" if status == Status.FAILED else ""
            )
        executions.settle(execution.pk, now=NOW)
        execution = fresh(execution)
        assert (execution.status, execution.reason, execution.finished_at) == (final, reason, NOW)

    def test_never_finishes_while_a_retry_is_due_and_shows_when(self):
        execution = make_execution(status=Status.RUNNING)
        make_job(execution=execution, status=Status.FAILED, reason="forbidden")
        minute_after = LATER + timedelta(minutes=1)
        make_job(execution=execution, reason="unreachable", attempt=2, not_before=minute_after)
        make_job(execution=execution, reason="unreachable", attempt=1, not_before=LATER)
        make_job(execution=execution, attempt=0, not_before=NOW)
        executions.settle(execution.pk, now=NOW)
        execution = fresh(execution)
        assert (execution.status, execution.next_attempt_at) == (Status.RUNNING, LATER)

    def test_does_not_finish_twice(self):
        execution = make_execution(status=Status.SUCCEEDED, finished_at=NOW)
        make_job(execution=execution, status=Status.FAILED)
        executions.settle(execution.pk, now=LATER)
        assert (fresh(execution).status, fresh(execution).finished_at) == (Status.SUCCEEDED, NOW)

    def test_settles_the_execution_of_a_replica(self):
        execution = make_execution(replica=make_replica(), status=Status.RUNNING)
        make_job(execution=execution, status=Status.SUCCEEDED)
        executions.settle(execution.pk, now=NOW)
        assert fresh(execution).status == Status.SUCCEEDED

    def test_does_not_mind_an_execution_that_was_deleted(self):
        execution = make_execution()
        Execution.objects.all().delete()
        executions.settle(execution.pk, now=NOW)
        assert not Execution.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestTwoWorkersAtOnce:
    def test_finish_the_execution_with_the_last_two_repositories(self):
        execution = make_execution(status=Status.RUNNING)
        jobs = [make_job(execution=execution, status=Status.RUNNING, copied_count=1) for _ in range(2)]

        def finish(job: Job) -> None:
            Job.objects.filter(pk=job.pk).move(Status.SUCCEEDED, lease_token="", finished_at=NOW)
            executions.settle(execution.pk, now=NOW)

        def work() -> None:
            try:
                with transaction.atomic():
                    finish(jobs[1])
            finally:
                connection.close()

        other = threading.Thread(target=work)
        with transaction.atomic():
            finish(jobs[0])
            other.start()
            other.join(timeout=0.5)
        other.join(timeout=30)

        execution = fresh(execution)
        assert (execution.status, execution.finished_at) == (Status.SUCCEEDED, NOW)
        assert (execution.succeeded_repository_count, execution.copied_count) == (2, 2)
