"""Claims, leases and refusals."""

from datetime import timedelta

import pytest
from django.utils import timezone

from registries.models import AccessCredential
from syncjobs import reasons
from syncjobs.drain import ledger
from syncjobs.drain.assignment import Assignment, Refusal
from syncjobs.models import Execution, Job, Queue
from syncjobs.states import Status
from tests.factories.syncjobs import make_cross_tenant_rule, make_execution, make_job, make_outcome, make_rule

pytestmark = pytest.mark.django_db


def claim(token: str = "t1", bulk_room: int = 10, interactive_room: int = 10, **shift: int):
    now = timezone.now() + timedelta(**shift)
    return ledger.claim(token=token, bulk_room=bulk_room, interactive_room=interactive_room, now=now)


class TestClaim:
    def test_counts_the_attempt_and_starts_the_execution_before_the_work(self):
        job = make_job()

        (assignment,) = claim()

        job.refresh_from_db()
        assert isinstance(assignment, Assignment)
        assert (job.status, job.attempt, job.lease_token) == (Status.RUNNING, 1, "t1")
        assert job.execution.status == Status.RUNNING
        assert job.execution.started_at is not None

    def test_gives_a_job_to_one_holder_only(self):
        make_job()
        assert len(claim("t1")) == 1
        assert claim("t2") == []

    def test_leaves_what_is_not_due(self):
        make_job(not_before=timezone.now() + timedelta(minutes=5))
        assert claim() == []
        assert len(claim(minutes=6)) == 1

    def test_takes_over_an_expired_lease_and_counts_the_lost_worker(self):
        job = make_job()
        claim("t1")
        Job.objects.filter(pk=job.pk).update(progress={"copied": 3})

        assert claim("t2", seconds=10) == []
        (assignment,) = claim("t2", seconds=31)

        job.refresh_from_db()
        assert (job.attempt, job.lost_count, job.lease_token, job.progress) == (2, 1, "t2", {})
        assert assignment.attempt == 2

    def test_takes_interactive_work_even_when_there_is_no_room_for_bulk(self):
        make_job(queue=Queue.BULK)
        wanted = make_job(queue=Queue.INTERACTIVE)
        assert [item.job_id for item in claim(bulk_room=0)] == [wanted.pk]

    def test_takes_no_more_than_there_is_room_for(self):
        for _ in range(5):
            make_job()
        assert len(claim(bulk_room=3)) == 3

    def test_brings_the_tags_that_are_still_to_be_retried_and_what_was_stored(self):
        job = make_job(tags=["a", "b", "c"], retry_tags=["b"], attempt=1)
        make_outcome(job=job, tag="a", digest="sha256:1")

        (assignment,) = claim()

        assert assignment.tags == ("b",)
        assert assignment.previous == {"a": ("copied", "sha256:1")}

    def test_ends_a_job_that_has_killed_its_worker_five_times(self):
        make_job(status=Status.RUNNING, lost_count=4)
        (refusal,) = claim(minutes=5)
        assert isinstance(refusal, Refusal)
        assert refusal.reason.code == reasons.WORKER_LOST

    def test_refuses_a_rule_whose_credential_was_deleted(self):
        execution = make_execution(rule=make_cross_tenant_rule())
        make_job(execution=execution)
        make_job(execution=execution)
        first, second = claim()
        assert isinstance(first, Assignment)
        assert isinstance(second, Assignment)

        AccessCredential.objects.all().delete()
        refusals = claim("t2", minutes=5)
        assert {item.reason.code for item in refusals} == {reasons.CREDENTIAL_REJECTED}

    def test_stops_what_was_asked_to_stop_while_nobody_had_it(self):
        make_job(execution=make_execution(stop_requested_at=timezone.now()))
        (refusal,) = claim()
        assert refusal.is_stop

    def test_costs_the_same_number_of_queries_for_many_jobs(self, django_assert_max_num_queries):
        execution = make_execution()
        for _ in range(30):
            make_job(execution=execution)
        with django_assert_max_num_queries(12):
            assert len(claim(bulk_room=30)) == 30


class TestLeases:
    def test_a_heartbeat_tells_what_is_still_held(self):
        kept, lost = make_job(), make_job()
        claim("t1")
        Job.objects.filter(pk=lost.pk).update(lease_token="t2")
        mine = [kept.pk, lost.pk]
        assert ledger.extend_leases(token="t1", job_ids=mine, now=timezone.now()) == {kept.pk}

    def test_a_claim_whose_answer_was_lost_runs_out(self):
        known, unknown = make_job(), make_job()
        claim("t1")
        ledger.extend_leases(token="t1", job_ids=[known.pk], now=timezone.now() + timedelta(seconds=20))
        assert [item.job_id for item in claim("t2", seconds=31)] == [unknown.pk]

    def test_stop_requests_and_deleted_executions_are_found(self):
        going_on, stopped = make_execution(), make_execution(stop_requested_at=timezone.now())
        assert ledger.find_stopped([going_on.pk, stopped.pk, 10**9]) == {stopped.pk, 10**9}


class TestOpenCopies:
    def test_is_safe_to_repeat(self):
        make_job(execution=make_execution(rule=make_rule()))
        (assignment,) = claim()
        edges = [("project/a", "project/a"), ("project/b", "other/b")]
        for _ in range(2):
            ledger.open_copies(assignment, edges, timezone.now())
        execution = Execution.objects.get(pk=assignment.execution_id)
        assert execution.jobs.filter(source_repository__in=["project/a", "project/b"]).count() == 2
