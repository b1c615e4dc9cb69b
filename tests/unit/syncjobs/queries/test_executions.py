from datetime import timedelta

import pytest
from django.utils import timezone

from syncjobs.queries import executions
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()
PROGRESS = {"copied": 2, "up_to_date": 3, "skipped": 1, "failed": 1, "deleted": 1, "bytes_copied": 500}


def running(**fields):
    started = {"created_at": NOW - timedelta(seconds=100), "started_at": NOW - timedelta(seconds=100)}
    return factories.make_execution(status="running", **started | fields)


class TestSummarize:
    def test_adds_up_stored_counts_and_every_attempt_under_way(self):
        execution = running(copied_count=10, bytes_copied=1000)
        for _number in range(2):
            factories.make_job(execution=execution, status="running", progress=PROGRESS)
        counts = executions.summarize(execution, NOW).counts
        assert counts == executions.TagCounts(
            copied=14, up_to_date=6, skipped=2, failed=2, deleted=2, bytes_copied=2000
        )

    def test_counts_repositories_by_status_without_the_look_for_them(self):
        execution = running()
        factories.make_job(execution=execution, kind="discover", status="succeeded", source_repository="")
        for status in ("succeeded", "succeeded", "failed", "running", "pending"):
            factories.make_job(execution=execution, status=status)
        summary = executions.summarize(execution, NOW)
        assert summary.repositories == {"pending": 1, "running": 1, "succeeded": 2, "failed": 1, "stopped": 0}
        assert (summary.finished_count, summary.repository_count) == (3, 5)

    def test_estimates_what_remains_from_what_is_done(self):
        execution = running()
        for status in ("succeeded", "pending", "pending", "pending"):
            factories.make_job(execution=execution, status=status)
        assert executions.summarize(execution, NOW).remaining == timedelta(seconds=300)

    @pytest.mark.parametrize("statuses", [[], ["pending"], ["succeeded"]])
    def test_estimates_nothing_where_nothing_can_be_told(self, statuses):
        execution = running()
        for status in statuses:
            factories.make_job(execution=execution, status=status)
        assert executions.summarize(execution, NOW).remaining is None

    def test_estimates_nothing_in_the_first_seconds(self):
        execution = running(started_at=NOW - timedelta(seconds=3))
        for status in ("succeeded", "pending"):
            factories.make_job(execution=execution, status=status)
        assert executions.summarize(execution, NOW).remaining is None

    def test_estimates_nothing_once_it_is_over(self):
        execution = factories.make_finished_execution(started_at=NOW - timedelta(minutes=5))
        for status in ("succeeded", "failed"):
            factories.make_job(execution=execution, status=status)
        assert executions.summarize(execution, NOW).remaining is None

    def test_knows_the_average_rate(self):
        assert executions.summarize(running(bytes_copied=5000), NOW).bytes_per_second == 50

    def test_knows_no_rate_before_a_byte_was_copied(self):
        assert executions.summarize(running(), NOW).bytes_per_second is None
        assert executions.summarize(factories.make_execution(), NOW).bytes_per_second is None

    def test_finds_the_job_whose_next_attempt_comes_first(self):
        execution = running(next_attempt_at=NOW + timedelta(minutes=1))
        factories.make_job(execution=execution, not_before=NOW - timedelta(hours=1))
        failed = {"execution": execution, "reason": "unreachable"}
        factories.make_job(**failed, attempt=1, not_before=NOW + timedelta(minutes=5))
        first = factories.make_job(**failed, attempt=3, not_before=NOW + timedelta(minutes=1))
        assert executions.summarize(execution, NOW).waiting_for == first

    def test_does_not_call_waiting_what_a_user_has_put_back(self):
        execution = running()
        factories.make_job(execution=execution, attempt=1)
        summary = executions.summarize(execution, NOW)
        assert (summary.waiting_for, summary.waiting_count) == (None, 0)

    def test_counts_tags_that_will_be_tried_again_as_waiting(self):
        execution = running()
        job = factories.make_job(execution=execution, attempt=1, reason="unreachable")
        factories.make_outcome(job=job, status="failed")
        counts = executions.summarize(execution, NOW).counts
        assert (counts.failed, counts.waiting) == (0, 1)

    def test_keeps_counting_what_was_copied_while_a_repository_is_worked_on_once_more(self):
        execution = running(copied_count=4)
        stopped = factories.make_job(execution=execution, attempt=1)
        again = factories.make_job(execution=execution, status="running", attempt=2, progress={"copied": 1})
        for job in (stopped, again):
            for _number in range(3):
                factories.make_outcome(job=job, status="copied")
        assert executions.summarize(execution, NOW).counts.copied == 4 + 6

    def test_does_not_call_a_stopped_repository_finished(self):
        execution = factories.make_execution(status="stopped")
        for status in ("succeeded", "stopped"):
            factories.make_job(execution=execution, status=status)
        summary = executions.summarize(execution, NOW)
        assert (summary.finished_count, summary.stopped_count, summary.repository_count) == (1, 1, 2)

    @pytest.mark.parametrize(("minutes", "expected"), [(1, True), (-1, False)])
    def test_is_paused_until_the_pause_is_over(self, minutes, expected):
        execution = running(paused_until=NOW + timedelta(minutes=minutes))
        assert executions.summarize(execution, NOW).is_paused is expected

    def test_counts_a_failed_look_for_repositories_as_something_to_retry(self):
        execution = factories.make_execution(status="failed")
        factories.make_job(execution=execution, kind="discover", status="failed", source_repository="")
        summary = executions.summarize(execution, NOW)
        assert (summary.retryable_count, summary.repository_count) == (1, 0)

    def test_asks_the_database_three_times_at_most(self, django_assert_max_num_queries):
        execution = running(next_attempt_at=NOW)
        for _number in range(20):
            factories.make_job(execution=execution, status="running", progress=PROGRESS)
        with django_assert_max_num_queries(3):
            executions.summarize(execution, NOW)


class TestListJobs:
    def test_tells_waiting_from_pending(self):
        execution = running()
        factories.make_job(execution=execution)
        factories.make_job(execution=execution, attempt=1)
        factories.make_job(execution=execution, attempt=1, reason="unreachable")
        states = [row.state for row in executions.list_jobs(execution)[:50]]
        assert states == ["pending", "pending", "waiting"]

    def test_shows_trouble_first(self):
        execution = running()
        for status in ("succeeded", "stopped", "pending", "running", "failed"):
            factories.make_job(execution=execution, status=status)
        statuses = [row.job.status for row in executions.list_jobs(execution)[:50]]
        assert statuses == ["failed", "running", "pending", "stopped", "succeeded"]


class TestListOutcomes:
    def test_keeps_to_one_job_on_request(self):
        execution = factories.make_execution(status="failed")
        jobs = [factories.make_job(execution=execution, status="failed") for _number in range(2)]
        for job in jobs:
            factories.make_outcome(job=job, status="failed")
        assert executions.list_outcomes(execution, status="failed").count() == 2
        [outcome] = executions.list_outcomes(execution, status="failed", job_id=jobs[1].pk)[:50]
        assert outcome.job == jobs[1]

    def test_calls_failed_only_what_is_not_tried_again(self):
        execution = running()
        waiting = factories.make_job(execution=execution, attempt=1, reason="unreachable")
        failed = factories.make_job(execution=execution, status="failed", attempt=1, reason="not_found")
        for job in (waiting, failed):
            factories.make_outcome(job=job, status="failed")
        for status, job in (("failed", failed), ("waiting", waiting)):
            assert [row.job for row in executions.list_outcomes(execution, status=status)[:50]] == [job]

    def test_fetches_the_jobs_along(self, django_assert_num_queries):
        job = factories.make_job(status="failed")
        for _number in range(5):
            factories.make_outcome(job=job, status="failed")
        with django_assert_num_queries(2):
            outcomes = executions.list_outcomes(job.execution, status="failed")[:50]
            assert {outcome.job.source_repository for outcome in outcomes} == {job.source_repository}
