"""Changed tags become as few jobs as possible, and no worker's job is changed under its hands."""

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone
from django_q.models import OrmQ

from syncjobs import reasons
from syncjobs.drain import ledger
from syncjobs.drain.assignment import Assignment
from syncjobs.models import Execution, Job, Rule, Trigger
from syncjobs.services import executions, followers, intake, pushes
from syncjobs.states import Status
from tests.factories import make_execution, make_finished_execution, make_job, make_rule
from tests.unit.syncjobs.services.events import DELETE, NOW, PUSH, jobs_of, push, push_executions

pytestmark = pytest.mark.django_db

REPOSITORY = "project/app"


@pytest.fixture
def rule():
    return make_rule(sync_deletions=True)


@transaction.atomic
def enqueue(rule: Rule, *tags: str, repository: str = REPOSITORY, deleted: tuple[str, ...] = (), now=NOW):
    changes = dict.fromkeys(tags, PUSH) | dict.fromkeys(deleted, DELETE)
    pushes.enqueue(follower=followers.of_rule(rule), touched={repository: changes}, now=now)


def claim(now=NOW) -> list[Assignment]:
    claimed = ledger.claim(token="t1", bulk_room=10, interactive_room=10, now=now)
    return [item for item in claimed if isinstance(item, Assignment)]


def finish(now=NOW) -> None:
    """End everything that runs, as a recorder would."""
    running = Job.objects.filter(status=Status.RUNNING)
    touched = set(running.values_list("execution", flat=True))
    running.update(status=Status.SUCCEEDED, lease_token="", finished_at=now)
    for pk in touched:
        executions.settle(pk, now=now)


def put_off(job: Job, **changes: object) -> None:
    """Put a job back as after a failed attempt."""
    Job.objects.filter(pk=job.pk).update(
        status=Status.PENDING, lease_token="", attempt=1, not_before=NOW + timedelta(minutes=5), **changes
    )


class TestEnqueue:
    def test_adds_to_the_job_that_nobody_has_taken(self, rule):
        enqueue(rule, "v1")
        enqueue(rule, "v2")
        enqueue(rule, "v1")
        (job,) = jobs_of(rule)
        assert job.tags == ["v1", "v2"]

    def test_adds_a_repository_to_the_execution_that_waits(self, rule):
        enqueue(rule, "v1")
        enqueue(rule, "v1", repository="project/other")
        (execution,) = push_executions(rule)
        assert execution.repository_count == 2
        assert {job.source_repository for job in jobs_of(rule)} == {REPOSITORY, "project/other"}

    def test_opens_another_execution_while_a_worker_has_the_job(self, rule):
        enqueue(rule, "v1")
        claim()
        enqueue(rule, "v1")
        running, waiting = jobs_of(rule)
        assert (running.tags, waiting.tags) == (["v1"], ["v1"])
        assert running.execution_id != waiting.execution_id

    def test_opens_another_execution_after_the_first_has_ended(self, rule):
        enqueue(rule, "v1")
        claim()
        finish()
        enqueue(rule, "v2")
        assert [execution.status for execution in push_executions(rule)] == ["succeeded", "pending"]

    def test_joins_an_execution_of_which_a_worker_has_only_a_part(self, rule):
        enqueue(rule, "v1")
        enqueue(rule, "v1", repository="project/other")
        ledger.claim(token="t1", bulk_room=0, interactive_room=1, now=NOW)
        enqueue(rule, "v1", repository="project/third")
        enqueue(rule, "v2", repository="project/other")
        (execution,) = push_executions(rule)
        assert execution.status == Status.RUNNING
        assert [job.tags for job in jobs_of(rule)] == [["v1"], ["v1", "v2"], ["v1"]]

    def test_leaves_out_a_tag_that_will_be_tried_again_anyway(self, rule):
        enqueue(rule, "v1", "v2")
        (job,) = jobs_of(rule)
        put_off(job)
        enqueue(rule, "v1")
        assert len(jobs_of(rule)) == 1

    def test_copies_a_tag_again_that_the_next_attempt_would_leave_out(self, rule):
        enqueue(rule, "v1", "v2")
        (job,) = jobs_of(rule)
        put_off(job, retry_tags=["v2"])
        enqueue(rule, "v1", "v2")
        assert [job.tags for job in jobs_of(rule)] == [["v1", "v2"], ["v1"]]

    def test_does_not_change_the_tags_of_a_job_that_was_tried(self, rule):
        enqueue(rule, "v1")
        (job,) = jobs_of(rule)
        put_off(job)
        enqueue(rule, "v2")
        assert [job.tags for job in jobs_of(rule)] == [["v1"], ["v2"]]

    def test_a_deletion_is_not_done_by_an_attempt_to_copy(self, rule):
        enqueue(rule, "v1")
        (job,) = jobs_of(rule)
        put_off(job)
        enqueue(rule, deleted=("v1",))
        assert [(job.tags, job.deleted_tags) for job in jobs_of(rule)] == [(["v1"], []), ([], ["v1"])]

    def test_an_attempt_to_delete_does_whatever_comes_next(self, rule):
        enqueue(rule, deleted=("v1",))
        (job,) = jobs_of(rule)
        put_off(job)
        enqueue(rule, "v1")
        enqueue(rule, deleted=("v1",))
        assert len(jobs_of(rule)) == 1

    def test_joins_nothing_that_a_user_is_stopping(self, rule):
        execution = make_execution(rule=rule, trigger=Trigger.PUSH, stop_requested_at=NOW)
        make_job(execution=execution, source_repository=REPOSITORY, tags=["v1"])
        enqueue(rule, "v2")
        assert [job.tags for job in jobs_of(rule)] == [["v1"], ["v2"]]

    def test_joins_no_scan(self, rule):
        make_job(execution=make_execution(rule=rule), source_repository=REPOSITORY)
        enqueue(rule, "v1")
        assert [job.tags for job in jobs_of(rule)] == [None, ["v1"]]

    def test_keeps_rules_apart(self, rule):
        other = make_rule(source=rule.source)
        enqueue(rule, "v1")
        enqueue(other, "v1")
        assert (len(push_executions(rule)), len(push_executions(other))) == (1, 1)


@pytest.mark.django_db(transaction=True)
class TestRing:
    def test_wakes_a_worker_at_once(self, rule):
        enqueue(rule, "v1")
        assert OrmQ.objects.count() == 1

    def test_is_silent_for_what_joins_a_job_that_was_rung_for(self, rule):
        enqueue(rule, "v1")
        enqueue(rule, "v2")
        assert OrmQ.objects.count() == 1


class TestHold:
    def holds(self, rule: Rule) -> list[float]:
        return [
            (job.not_before - job.execution.created_at).total_seconds()
            for job in Job.objects.filter(execution__rule=rule).select_related("execution").order_by("pk")
        ]

    def test_a_single_push_is_not_held(self, rule):
        enqueue(rule, "v1")
        assert self.holds(rule) == [0]

    def test_a_push_while_one_is_under_way_is_not_held(self, rule):
        enqueue(rule, "v1")
        claim()
        enqueue(rule, "v2")
        assert self.holds(rule) == [0, 0]

    def test_pushes_one_after_another_are_not_held(self, rule):
        for number in range(5):
            enqueue(rule, f"v{number}")
            claim()
            finish()
        assert self.holds(rule) == [0] * 5

    def test_grows_while_a_burst_lasts_and_is_bounded(self, rule):
        for number in range(8):
            enqueue(rule, f"v{number}")
            claim(now=NOW + timedelta(minutes=1))
        assert self.holds(rule) == [0, 0, 0.5, 1, 2, 4, 5, 5]

    def pour(self, rule: Rule, *, age: timedelta = timedelta(), count: int = 8) -> None:
        notices = [push(f"project/poured:v{number}") for number in range(count)]
        intake.receive(instance=rule.source, notices=notices, now=NOW - age)

    def test_begins_when_events_pour_in_faster_than_executions_end(self, rule):
        self.pour(rule)
        for number in range(5):
            enqueue(rule, f"a{number}", f"b{number}")
            claim(now=NOW + timedelta(minutes=1))
            finish()
        assert self.holds(rule) == [0, 0.5, 1, 2, 4]

    def test_does_not_begin_when_each_push_is_done_before_the_next(self, rule):
        self.pour(rule)
        for number in range(5):
            enqueue(rule, f"v{number}")
            claim()
            finish()
        assert self.holds(rule) == [0] * 5

    @pytest.mark.parametrize("slow", [{"age": timedelta(seconds=1)}, {"count": 7}])
    def test_does_not_begin_when_events_are_few(self, rule, slow):
        self.pour(rule, **slow)
        for number in range(3):
            enqueue(rule, f"a{number}", f"b{number}")
            claim()
            finish()
        assert self.holds(rule) == [0] * 3

    def test_begins_anew_in_a_later_burst(self, rule):
        for number in range(8):
            enqueue(rule, f"v{number}", now=NOW - timedelta(seconds=11))
            claim()
        enqueue(rule, "later")
        assert self.holds(rule)[-2:] == [5, 0.5]

    def test_is_longest_while_the_newest_waits_for_another_attempt(self, rule):
        enqueue(rule, "v1")
        (job,) = jobs_of(rule)
        put_off(job)
        enqueue(rule, "v2")
        assert self.holds(rule)[1] == 5

    def test_is_over_when_the_burst_is(self, rule):
        for number in range(4):
            enqueue(rule, f"v{number}")
            claim(now=NOW + timedelta(minutes=1))
        finish()
        enqueue(rule, "after")
        assert self.holds(rule)[-1] == 0

    def test_what_joins_starts_with_the_others(self, rule):
        for number in range(3):
            enqueue(rule, f"v{number}")
            claim()
        enqueue(rule, "v9", repository="project/other", now=NOW + timedelta(seconds=0.4))
        assert jobs_of(rule)[-1].not_before == NOW + timedelta(seconds=0.5)


class TestRefusals:
    def test_a_target_name_that_registries_refuse_is_a_failure_with_its_reason(self):
        rule = make_rule(target_namespace="n" * 120)
        repository = "project/" + "r" * 200
        enqueue(rule, "v1", repository=repository)
        (execution,) = push_executions(rule)
        (job,) = jobs_of(rule)
        assert (job.status, job.reason, job.source_repository) == (
            Status.FAILED,
            "target_name_too_long",
            repository,
        )
        assert (execution.status, execution.reason) == (Status.FAILED, "target_name_too_long")

    def test_collisions_of_one_burst_are_found(self):
        rule = make_rule(is_flattened=True)
        with transaction.atomic():
            pushes.enqueue(
                follower=followers.of_rule(rule),
                touched={path: {"v1": PUSH} for path in ("project/a/app", "project/b/app", "project/c/web")},
                now=NOW,
            )
        states = {job.source_repository: (job.status, job.reason) for job in jobs_of(rule)}
        assert states == {
            "project/a/app": (Status.FAILED, reasons.TARGET_COLLISION),
            "project/b/app": (Status.FAILED, reasons.TARGET_COLLISION),
            "project/c/web": (Status.PENDING, ""),
        }
        (execution,) = push_executions(rule)
        assert (execution.status, execution.repository_count) == (Status.PENDING, 3)

    def test_collisions_with_what_the_last_scan_found_are_found(self):
        rule = make_rule(is_flattened=True)
        scan = make_finished_execution(rule=rule)
        make_job(
            execution=scan,
            source_repository="project/b/app",
            target_repository="project/app",
            status=Status.SUCCEEDED,
        )
        enqueue(rule, "v1", repository="project/a/app")
        assert jobs_of(rule)[-1].reason == reasons.TARGET_COLLISION

    def test_collisions_before_the_last_scan_are_over(self):
        rule = make_rule(is_flattened=True)
        make_job(
            execution=make_finished_execution(rule=rule),
            source_repository="project/b/app",
            target_repository="project/app",
            status=Status.SUCCEEDED,
        )
        make_finished_execution(rule=rule)
        enqueue(rule, "v1", repository="project/a/app")
        assert jobs_of(rule)[-1].status == Status.PENDING

    def test_are_said_once_a_minute(self):
        rule = make_rule(target_namespace="n" * 120)
        repository = "project/" + "r" * 200
        for seconds in (0, 1, 59, 61):
            enqueue(rule, "v1", repository=repository, now=NOW + timedelta(seconds=seconds))
        assert len(jobs_of(rule)) == 2


@pytest.mark.django_db(transaction=True)
class TestBesideWorkers:
    def test_a_claimed_job_keeps_its_tags_and_no_tag_is_lost(self):
        rule = make_rule()
        taken: dict[int, tuple[str, ...] | None] = {}
        is_over = threading.Event()
        problems: list[BaseException] = []

        def work() -> None:
            try:
                while not is_over.is_set():
                    for assignment in claim(now=timezone.now() + timedelta(minutes=1)):
                        taken[assignment.job_id] = assignment.tags
            except BaseException as error:
                problems.append(error)
            finally:
                connections.close_all()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for number in range(120):
                enqueue(rule, f"v{number}", repository=f"project/app{number % 3}", now=timezone.now())
        finally:
            is_over.set()
            worker.join(60)

        assert problems == []
        for assignment in claim(now=timezone.now() + timedelta(minutes=1)):
            taken[assignment.job_id] = assignment.tags
        stored = {job.pk: tuple(job.tags or ()) for job in jobs_of(rule)}
        assert stored == taken
        copied = sorted(tag for tags in stored.values() for tag in tags)
        assert copied == sorted(f"v{number}" for number in range(120))
        assert not Execution.objects.filter(status__in=[Status.SUCCEEDED, Status.FAILED]).exists()
