"""What the engine tells becomes rows: fenced, counted once, in batches."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from registries.transfer.events import BytesCopied, TagFinished
from syncjobs.drain import ledger
from syncjobs.drain.assignment import Assignment, Reason, Refusal
from syncjobs.drain.recorder import Ending, JobRecord, Recorder, backoff
from syncjobs.models import Job, Outcome
from syncjobs.services import executions
from syncjobs.states import Status
from tests.factories.syncjobs import make_execution, make_job, make_outcome

pytestmark = pytest.mark.django_db


def finished(tag: str, status: Any = "copied", **fields: Any) -> TagFinished:
    defaults: dict[str, Any] = {
        "repository": "project/app",
        "digest": f"sha256:{tag}",
        "kind": "image",
        "bytes_copied": 100,
        "reason": None,
        "detail": "",
        "side": None,
        "is_retryable": False,
        "retry_at": None,
    }
    return TagFinished(tag=tag, status=status, **defaults | fields)


def claim(token: str = "t1", **shift) -> Assignment:
    (assignment,) = ledger.claim(
        token=token, bulk_room=9, interactive_room=9, now=timezone.now() + timedelta(**shift)
    )
    assert isinstance(assignment, Assignment)
    return assignment


@pytest.fixture
def job() -> Job:
    return make_job()


def fail(*_arguments: object, **_keywords: object) -> None:
    raise OperationalError("server closed the connection unexpectedly")


def flush_in_vain(recorder: Recorder, monkeypatch, owner: object, name: str, failure: object) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failure)
        with pytest.raises(OperationalError):
            recorder.flush(timezone.now())


def counts(job: Job) -> tuple[int, ...]:
    job.refresh_from_db()
    return (job.copied_count, job.up_to_date_count, job.skipped_count, job.failed_count)


class TestThreads:
    def test_an_attempt_that_ends_while_another_is_written_loses_no_outcome(self, job, monkeypatch):
        recorder = Recorder("t1")
        record = recorder.open(claim())
        record.emit(finished("v1"))
        hold = recorder._hold

        def end_meanwhile(job_ids: list[int]) -> set[int]:
            if record.ending is None:
                record.emit(finished("v2"))
                recorder.close(record, Ending("done"))
            return hold(job_ids)

        monkeypatch.setattr(recorder, "_hold", end_meanwhile)
        recorder.flush(timezone.now())
        recorder.flush(timezone.now())

        job.refresh_from_db()
        assert (job.status, job.copied_count) == (Status.SUCCEEDED, 2)
        assert set(Outcome.objects.values_list("tag", flat=True)) == {"v1", "v2"}


class TestFlush:
    def test_stores_what_changed_and_counts_what_did_not(self, job):
        recorder = Recorder("t1")
        record = recorder.open(claim())
        for event in (finished("a"), finished("b", "up_to_date"), finished("c", "skipped", reason="exists")):
            record.emit(event)
        record.emit(BytesCopied("project/app", 250))
        recorder.close(record, Ending("done"))

        recorder.flush(timezone.now())

        assert counts(job) == (1, 1, 1, 0)
        assert job.bytes_copied == 250
        assert job.status == Status.SUCCEEDED
        assert set(job.outcomes.values_list("tag", "status", "reason")) == {
            ("a", "copied", ""),
            ("c", "skipped", "exists"),
        }
        assert job.execution.status == Status.SUCCEEDED
        assert job.execution.copied_count == 1

    def test_shows_progress_without_touching_the_counts(self, job):
        recorder = Recorder("t1")
        record = recorder.open(claim())
        record.emit(finished("a"))

        recorder.flush(timezone.now())

        assert counts(job) == (0, 0, 0, 0)
        assert job.progress["copied"] == 1
        assert job.outcomes.count() == 1

    def test_writes_nothing_when_nothing_is_new(self, job, django_assert_num_queries):
        recorder = Recorder("t1")
        record = recorder.open(claim())
        record.emit(finished("a"))
        recorder.flush(timezone.now())
        with django_assert_num_queries(0):
            recorder.flush(timezone.now())

    def test_writes_nothing_for_a_job_that_another_worker_has(self, job):
        recorder = Recorder("t1")
        record = recorder.open(claim("t1"))
        claim("t2", minutes=1)
        record.emit(finished("a"))
        recorder.close(record, Ending("done"))

        recorder.flush(timezone.now())

        assert counts(job) == (0, 0, 0, 0)
        assert (job.status, job.lease_token) == (Status.RUNNING, "t2")
        assert not Outcome.objects.exists()

    def test_refusals_end_their_jobs(self, job):
        claim()
        recorder = Recorder("t1")
        recorder.refuse(Refusal(job.pk, job.execution_id, Reason("worker_lost")))
        recorder.flush(timezone.now())
        job.refresh_from_db()
        assert (job.status, job.reason) == (Status.FAILED, "worker_lost")
        assert job.execution.status == Status.FAILED
        assert job.execution.reason == "worker_lost"

    def test_one_transaction_serves_many_jobs(self, django_assert_max_num_queries):
        execution = make_execution()
        recorder = Recorder("t1")
        for _ in range(9):
            make_job(execution=execution)
        for assignment in ledger.claim(token="t1", bulk_room=9, interactive_room=0, now=timezone.now()):
            assert isinstance(assignment, Assignment)
            record = recorder.open(assignment)
            record.emit(finished("a"))
            recorder.close(record, Ending("done"))
        with django_assert_max_num_queries(9 + 10):
            recorder.flush(timezone.now())


class TestOutage:
    def test_keeps_everything_until_it_can_be_written(self, job, monkeypatch):
        other = make_job(execution=job.execution)
        recorder = Recorder("t1")
        first, second = ledger.claim(token="t1", bulk_room=9, interactive_room=9, now=timezone.now())
        assert isinstance(first, Assignment)
        record = recorder.open(first)
        record.emit(finished("a"))
        record.emit(finished("b", "failed", reason="server_error"))
        recorder.close(record, Ending("done"))
        recorder.refuse(Refusal(second.job_id, second.execution_id, Reason("worker_lost")))
        flush_in_vain(recorder, monkeypatch, executions, "settle", fail)
        assert recorder.job_ids == {job.pk, other.pk}
        assert not Outcome.objects.exists()

        recorder.flush(timezone.now())

        assert counts(job) == (1, 0, 0, 1)
        other.refresh_from_db()
        assert job.status == Status.SUCCEEDED
        assert other.status == Status.FAILED
        assert set(job.outcomes.values_list("tag", flat=True)) == {"a", "b"}
        assert recorder.job_ids == set()

    def test_what_came_in_meanwhile_is_newer(self, job, monkeypatch):
        recorder = Recorder("t1")
        record = recorder.open(claim())
        record.emit(finished("a", "failed", reason="server_error"))

        def fail_late(*_arguments: object, **_keywords: object) -> None:
            record.emit(finished("a"))
            raise OperationalError("server closed the connection unexpectedly")

        flush_in_vain(recorder, monkeypatch, recorder, "_store_outcomes", fail_late)
        recorder.flush(timezone.now())

        assert job.outcomes.get().status == "copied"
        job.refresh_from_db()
        assert job.progress["copied"] == 1

    def test_an_ending_whose_answer_was_lost_is_not_counted_twice(self, job):
        recorder = Recorder("t1")
        record = recorder.open(claim())
        record.emit(finished("a"))
        recorder.close(record, Ending("done"))
        recorder.flush(timezone.now())

        recorder.close(record, Ending("done"))
        recorder.flush(timezone.now())

        assert counts(job) == (1, 0, 0, 0)


class TestRetry:
    def test_a_partial_failure_keeps_what_was_done_and_retries_the_rest(self, job):
        recorder = Recorder("t1")
        record = recorder.open(claim())
        record.emit(finished("a"))
        record.emit(finished("b", "failed", reason="server_error", is_retryable=True))
        later = timezone.now() + timedelta(seconds=5)
        ending = Ending("again", Reason("server_error"), not_before=later, retry_tags=("b",))
        recorder.close(record, ending)
        recorder.flush(timezone.now())

        assert counts(job) == (1, 0, 0, 0)
        assert (job.status, job.retry_tags, job.not_before) == (Status.PENDING, ["b"], later)
        assert job.first_failed_at is not None
        job.execution.refresh_from_db()
        assert (job.execution.status, job.execution.next_attempt_at) == (Status.RUNNING, later)

        record = recorder.open(claim(seconds=6))
        assert record.assignment.tags == ("b",)
        record.emit(finished("b"))
        recorder.close(record, Ending("done"))
        recorder.flush(timezone.now())

        assert counts(job) == (2, 0, 0, 0)
        assert set(job.outcomes.values_list("tag", "status")) == {("a", "copied"), ("b", "copied")}
        job.execution.refresh_from_db()
        assert job.execution.status == Status.SUCCEEDED
        assert job.execution.next_attempt_at is None

    def test_a_failure_of_the_whole_attempt_counts_nothing_but_the_bytes(self, job):
        recorder = Recorder("t1")
        record = recorder.open(claim())
        record.emit(finished("a"))
        record.emit(BytesCopied("project/app", 70))
        recorder.close(record, Ending("again", Reason("unreachable", "target"), not_before=timezone.now()))
        recorder.flush(timezone.now())
        assert counts(job) == (0, 0, 0, 0)
        assert (job.bytes_copied, job.reason, job.reason_side) == (70, "unreachable", "target")

    def test_a_tag_copied_before_the_worker_died_still_counts_as_copied(self, job):
        claim("dead")
        make_outcome(job=job, tag="a", digest="sha256:a")
        recorder = Recorder("t2")
        record = recorder.open(claim("t2", minutes=1))
        record.emit(finished("a", "up_to_date"))
        record.emit(finished("b", "up_to_date"))
        recorder.close(record, Ending("done"))
        recorder.flush(timezone.now())
        assert counts(job) == (1, 1, 0, 0)

    def test_a_stored_failure_that_has_healed_is_forgotten(self, job):
        claim("dead")
        make_outcome(job=job, tag="a", status="failed", reason="server_error")
        recorder = Recorder("t2")
        record = recorder.open(claim("t2", minutes=1))
        record.emit(finished("a", "up_to_date"))
        recorder.close(record, Ending("done"))
        recorder.flush(timezone.now())
        assert counts(job) == (0, 1, 0, 0)
        assert not job.outcomes.exists()


class TestJobRecord:
    def test_shows_progress_only_when_it_changed(self, job):
        record = JobRecord(claim())
        record.emit(finished("a"))
        assert record.progress() == {
            "copied": 1,
            "up_to_date": 0,
            "skipped": 0,
            "failed": 0,
            "deleted": 0,
            "bytes_copied": 0,
        }
        assert record.progress() is None


class TestBackoff:
    def test_doubles_up_to_ten_minutes(self):
        seconds = [backoff(attempt, spread=0.5).total_seconds() for attempt in range(1, 12)]
        assert seconds[:4] == [5, 10, 20, 40]
        assert max(seconds) == 600
