"""History goes by age and by number, a little at a time, and never what is still going on."""

from datetime import timedelta
from typing import Any

import pytest

from syncjobs.models import Execution, Job, Outcome, PushEvent, Trigger
from syncjobs.services import intake, retention
from syncjobs.states import Status
from tests.factories import (
    make_execution,
    make_finished_execution,
    make_instance,
    make_job,
    make_outcome,
    make_replica,
    make_rule,
)
from tests.unit.syncjobs.services.events import NOW, push, tell

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def finished(age: timedelta, **fields: Any) -> Execution:
    execution = make_finished_execution(now=NOW - age, **fields)
    make_outcome(job=make_job(execution=execution, status=Status.SUCCEEDED))
    return execution


def left() -> set[int]:
    return set(Execution.objects.values_list("pk", flat=True))


class TestAge:
    def test_what_is_too_old_goes_with_all_that_belongs_to_it(self, settings):
        settings.KEEP_DAYS = 30
        finished(31 * DAY)
        young = finished(29 * DAY)
        assert retention.prune(now=NOW) == 3
        assert left() == {young.pk}
        assert {job.execution_id for job in Job.objects.all()} == {young.pk}
        assert Outcome.objects.count() == 1

    @pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING])
    def test_what_has_not_finished_stays_however_old(self, settings, status):
        settings.KEEP_DAYS = 1
        execution = make_execution(status=status, now=NOW - 400 * DAY)
        make_job(execution=execution, status=Status.SUCCEEDED)
        assert retention.prune(now=NOW) == 0
        assert Job.objects.count() == 1

    def test_sweeps_and_polls_that_found_nothing_to_do_go_after_a_day(self):
        rule = make_rule()
        for trigger in (Trigger.SWEEP, Trigger.POLL):
            finished(2 * DAY, rule=rule, trigger=trigger, copied_count=0)
        kept = [
            finished(DAY / 2, rule=rule, trigger=Trigger.SWEEP, copied_count=0),
            finished(2 * DAY, rule=rule, trigger=Trigger.SWEEP, copied_count=1),
            finished(2 * DAY, rule=rule, trigger=Trigger.SWEEP, copied_count=0, skipped_count=1),
            finished(2 * DAY, rule=rule, trigger=Trigger.SWEEP, copied_count=0, deleted_count=1),
            finished(2 * DAY, rule=rule, trigger=Trigger.SWEEP, copied_count=0, status=Status.FAILED),
            finished(2 * DAY, rule=rule, trigger=Trigger.MANUAL, copied_count=0),
        ]
        retention.prune(now=NOW)
        assert left() == {execution.pk for execution in kept}


class TestNumber:
    def test_the_newest_of_each_rule_stay(self, settings):
        settings.KEEP_EXECUTIONS = 3
        rule, other = make_rule(), make_rule()
        executions = [finished(DAY, rule=rule) for _ in range(5)]
        others = [finished(DAY, rule=other) for _ in range(3)]
        retention.prune(now=NOW)
        assert left() == {execution.pk for execution in [*executions[2:], *others]}

    def test_what_has_not_finished_is_not_counted_out(self, settings):
        settings.KEEP_EXECUTIONS = 1
        rule = make_rule()
        going_on = make_execution(rule=rule, trigger=Trigger.PUSH, status=Status.RUNNING)
        finished(DAY, rule=rule)
        newest = finished(DAY, rule=rule)
        retention.prune(now=NOW)
        assert left() == {going_on.pk, newest.pk}

    def test_the_newest_of_each_replica_stay(self, settings):
        settings.KEEP_EXECUTIONS = 1
        replica = make_replica()
        finished(DAY, replica=replica)
        newest = finished(DAY, replica=replica)
        retention.prune(now=NOW)
        assert left() == {newest.pk}


class TestEvents:
    def test_handled_ones_go_after_a_week(self):
        source = make_instance()
        tell(source, push("project/a:old"), now=NOW - 8 * DAY)
        tell(source, push("project/a:young"), now=NOW - 6 * DAY)
        assert retention.prune(now=NOW) == 1
        assert PushEvent.objects.get().tag == "young"

    def test_unhandled_ones_stay(self):
        source = make_instance()
        intake.receive(instance=source, notices=[push("project/a:v1")], now=NOW - 100 * DAY)
        assert retention.prune(now=NOW) == 0


class TestBounds:
    def test_no_statement_takes_more_than_a_batch(self, monkeypatch, django_assert_max_num_queries):
        monkeypatch.setattr(retention, "_BATCH", 10)
        source = make_instance()
        tell(source, *(push(f"project/a:v{n}") for n in range(25)), now=NOW - 8 * DAY)
        with django_assert_max_num_queries(30) as queries:
            assert retention.prune(now=NOW) == 25
        deletions = [q["sql"] for q in queries.captured_queries if q["sql"].startswith("DELETE")]
        assert len(deletions) == 3

    def test_nothing_begins_when_the_time_is_over(self):
        finished(100 * DAY)
        assert retention.prune(now=NOW, seconds=0) == 0
        assert Execution.objects.count() == 1

    def test_many_outcomes_go_in_batches_and_the_execution_last(self, monkeypatch):
        monkeypatch.setattr(retention, "_BATCH", 10)
        execution = make_finished_execution(now=NOW - 100 * DAY)
        job = make_job(execution=execution, status=Status.SUCCEEDED)
        for number in range(35):
            make_outcome(job=job, tag=f"v{number}")
        assert retention.prune(now=NOW) == 37
        assert (Execution.objects.count(), Job.objects.count(), Outcome.objects.count()) == (0, 0, 0)
