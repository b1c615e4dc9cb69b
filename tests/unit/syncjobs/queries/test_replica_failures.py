"""What is wrong with a replica: until it is made up for, and not longer."""

import pytest

from syncjobs.models import Execution, Trigger
from syncjobs.queries.replica_failures import Failure, list_failures
from tests.factories import make_execution, make_job, make_outcome, make_replica

pytestmark = pytest.mark.django_db


@pytest.fixture
def replica():
    return make_replica()


def run(replica, trigger: str, **fields) -> Execution:
    return make_execution(replica=replica, trigger=trigger, **{"status": "succeeded"} | fields)


def failed(replica, trigger: str, *tags: str) -> Execution:
    """An execution in which these tags could not be copied."""
    execution = run(replica, trigger, status="failed", failed_count=len(tags))
    job = make_job(
        execution=execution,
        status="failed",
        attempt=1,
        source_repository="team/app",
        retry_tags=list(tags) or None,
    )
    for tag in tags:
        make_outcome(job=job, tag=tag, status="failed", reason="schema1_refused")
    return execution


def arrived(replica, tag: str) -> None:
    job = make_job(execution=run(replica, Trigger.PUSH), source_repository="team/app", status="succeeded")
    make_outcome(job=job, tag=tag)


def failure_of(replica) -> Failure | None:
    return list_failures([replica]).get(replica.pk)


class TestListFailures:
    def test_finds_nothing_where_all_is_well(self, replica):
        assert failure_of(replica) is None
        run(replica, Trigger.BACKFILL)
        run(replica, Trigger.DRIFT, status="failed")
        assert failure_of(replica) is None

    def test_keeps_tags_of_a_scan_in_mind_after_pushes_that_went_well(self, replica):
        scan = failed(replica, Trigger.SWEEP, "old", "older")
        arrived(replica, "new")
        assert failure_of(replica) == Failure(scan, 2)
        arrived(replica, "old")
        assert failure_of(replica) == Failure(scan, 1)
        arrived(replica, "older")
        assert failure_of(replica) is None

    def test_adds_tags_that_pushes_could_not_bring_and_counts_each_once(self, replica):
        failed(replica, Trigger.SWEEP, "old")
        push = failed(replica, Trigger.PUSH, "old", "new")
        assert failure_of(replica) == Failure(push, 2)

    def test_forgets_everything_at_the_next_scan(self, replica):
        failed(replica, Trigger.SWEEP, "old")
        failed(replica, Trigger.PUSH, "new")
        run(replica, Trigger.SWEEP, status="stopped")
        assert failure_of(replica) is not None
        run(replica, Trigger.SWEEP)
        assert failure_of(replica) is None

    def test_keeps_a_scan_in_mind_that_could_not_look_everywhere(self, replica):
        scan = failed(replica, Trigger.SWEEP)
        arrived(replica, "new")
        assert failure_of(replica) == Failure(scan, 0)

    def test_forgets_a_push_that_failed_as_a_whole_once_another_went_well(self, replica):
        push = failed(replica, Trigger.PUSH)
        assert failure_of(replica) == Failure(push, 0)
        arrived(replica, "new")
        assert failure_of(replica) is None

    def test_tells_replicas_apart_in_three_queries(self, replica, django_assert_num_queries):
        others = [make_replica() for _number in range(5)]
        runs = {other.pk: failed(other, Trigger.SWEEP, "old") for other in others}
        arrived(replica, "old")
        with django_assert_num_queries(3):
            found = list_failures([replica, *others])
        assert {pk: failure.execution for pk, failure in found.items()} == runs
