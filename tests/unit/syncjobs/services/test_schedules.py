"""What is due by time starts once, wherever and however often it is looked at."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connections

from registries.models import AccessCredential, Account, Edition, Instance
from syncjobs import policies, reasons
from syncjobs.models import Execution, JobKind, Rule, Trigger
from syncjobs.services import executions, rules, schedules
from syncjobs.states import Status
from tests.factories import make_cross_tenant_rule, make_execution, make_job, make_rule
from tests.unit.syncjobs.services.events import NOW

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def stored(rule: Rule) -> Rule:
    return Rule.objects.get(pk=rule.pk)


def triggers() -> list[str]:
    return list(Execution.objects.order_by("pk").values_list("trigger", flat=True))


def finish() -> None:
    Execution.objects.update(status=Status.SUCCEEDED, finished_at=NOW)


class TestStartDueRules:
    @pytest.fixture
    def rule(self):
        return make_rule(schedule="*/10 * * * *", next_run_at=NOW - MINUTE)

    def test_scans_and_plans_the_next_time(self, rule):
        assert schedules.start_due_rules(now=NOW) == 1
        execution = Execution.objects.get()
        assert (execution.rule, execution.trigger, execution.started_by) == (rule, Trigger.SCHEDULE, None)
        assert execution.jobs.get().kind == JobKind.DISCOVER
        assert stored(rule).next_run_at == NOW + 10 * MINUTE

    def test_starts_once_however_many_times_were_missed(self, rule):
        Rule.objects.update(next_run_at=NOW - timedelta(days=3))
        assert [schedules.start_due_rules(now=NOW) for _ in range(2)] == [1, 0]

    def test_leaves_what_is_not_due_and_what_is_disabled(self, rule):
        Rule.objects.update(is_enabled=False)
        make_rule(schedule="* * * * *", next_run_at=NOW + MINUTE)
        assert schedules.start_due_rules(now=NOW) == 0

    def test_skips_a_turn_while_the_rule_is_being_scanned(self, rule):
        make_execution(rule=rule)
        assert schedules.start_due_rules(now=NOW) == 0
        assert stored(rule).next_run_at == NOW + 10 * MINUTE

    def test_does_not_mind_pushes_under_way(self, rule):
        make_execution(rule=rule, trigger=Trigger.PUSH)
        assert schedules.start_due_rules(now=NOW) == 1

    def test_skips_an_instance_that_became_basic(self, rule):
        Instance.objects.update(edition=Edition.BASIC)
        assert schedules.start_due_rules(now=NOW) == 0
        assert stored(rule).next_run_at == NOW + 10 * MINUTE

    def test_follows_the_clock_of_the_rule_s_time_zone(self, rule):
        Rule.objects.update(schedule="0 3 * * *", time_zone="Asia/Shanghai")
        schedules.start_due_rules(now=NOW)
        assert stored(rule).next_run_at == datetime(2026, 3, 1, 19, tzinfo=UTC)

    def test_skips_its_turn_if_a_scan_begins_at_the_same_moment(self, rule, monkeypatch):
        monkeypatch.setattr(policies, "check_can_trigger", lambda rule: make_execution(rule=rule))
        assert schedules.start_due_rules(now=NOW) == 0
        assert stored(rule).next_run_at == NOW + 10 * MINUTE

    def test_tries_again_next_time_if_the_execution_cannot_be_stored(self, rule, monkeypatch):
        def fail(**_given: object) -> None:
            raise OperationalError("disk full")

        monkeypatch.setattr(executions, "open_scan", fail)
        with pytest.raises(OperationalError):
            schedules.start_due_rules(now=NOW)
        monkeypatch.undo()
        assert schedules.start_due_rules(now=NOW) == 1

    def test_leaves_it_to_the_drain_to_check_the_credential_of_a_foreign_target(self):
        make_cross_tenant_rule(schedule="* * * * *", next_run_at=NOW)
        AccessCredential.objects.update(is_enabled=False)
        assert schedules.start_due_rules(now=NOW) == 1

    def test_a_bad_expression_does_not_hold_up_the_others(self, rule):
        make_rule(schedule="no such time", next_run_at=NOW - MINUTE)
        assert schedules.start_due_rules(now=NOW) == 2


class TestStartDuePolls:
    @pytest.fixture
    def rule(self):
        return make_rule(poll_interval_seconds=600, is_push_triggered=False)

    def test_begins_with_the_first_look(self, rule):
        assert schedules.start_due_polls(now=NOW) == 1
        assert triggers() == [Trigger.POLL]

    def test_looks_again_when_the_interval_is_over(self, rule):
        schedules.start_due_polls(now=NOW)
        finish()
        planned = stored(rule).next_poll_at
        assert planned is not None
        assert NOW + 8 * MINUTE <= planned <= NOW + 10 * MINUTE
        assert schedules.start_due_polls(now=planned - MINUTE) == 0
        assert schedules.start_due_polls(now=planned) == 1

    @pytest.mark.parametrize("interval", [None, 0])
    def test_leaves_rules_that_do_not_poll(self, rule, interval):
        Rule.objects.update(poll_interval_seconds=interval)
        assert schedules.start_due_polls(now=NOW) == 0

    def test_leaves_disabled_rules(self, rule):
        Rule.objects.update(is_enabled=False)
        assert schedules.start_due_polls(now=NOW) == 0

    def test_plans_anew_when_the_interval_is_changed(self, rule):
        Rule.objects.update(next_poll_at=NOW + timedelta(days=30))
        rules.update(rule=stored(rule), values={"poll_interval_seconds": 60}, by=None, now=NOW)
        assert schedules.start_due_polls(now=NOW) == 1

    def test_skips_a_turn_while_the_rule_is_being_scanned(self, rule):
        make_execution(rule=rule)
        assert schedules.start_due_polls(now=NOW) == 0
        planned = stored(rule).next_poll_at
        assert planned is not None
        assert planned > NOW


class TestStartDueSweeps:
    @pytest.fixture
    def rule(self):
        return make_rule(sweep_interval_seconds=3600)

    def test_first_plans_a_time_within_the_interval(self, rule):
        assert schedules.start_due_sweeps(now=NOW) == 0
        planned = stored(rule).next_sweep_at
        assert planned is not None
        assert NOW <= planned <= NOW + 60 * MINUTE

    def test_plans_anew_when_the_interval_is_changed(self, rule):
        schedules.start_due_sweeps(now=NOW)
        rules.update(rule=stored(rule), values={"sweep_interval_seconds": 60}, by=None, now=NOW)
        schedules.start_due_sweeps(now=NOW)
        planned = stored(rule).next_sweep_at
        assert planned is not None
        assert planned <= NOW + MINUTE

    def test_spreads_the_rules_over_the_interval(self):
        for _ in range(30):
            make_rule()
        schedules.start_due_sweeps(now=NOW)
        minutes = {
            (at - NOW) // MINUTE
            for at in Rule.objects.values_list("next_sweep_at", flat=True)
            if at is not None
        }
        assert len(minutes) > 10

    def test_keeps_a_planned_time(self, rule):
        schedules.start_due_sweeps(now=NOW)
        planned = stored(rule).next_sweep_at
        schedules.start_due_sweeps(now=NOW)
        assert stored(rule).next_sweep_at == planned

    def test_scans_when_due_and_plans_the_next_time(self, rule):
        Rule.objects.update(next_sweep_at=NOW)
        assert schedules.start_due_sweeps(now=NOW) == 1
        assert triggers() == [Trigger.SWEEP]
        planned = stored(rule).next_sweep_at
        assert planned is not None
        assert NOW + 48 * MINUTE <= planned <= NOW + 60 * MINUTE

    @pytest.mark.parametrize(
        "change", [{"sweep_interval_seconds": 0}, {"is_push_triggered": False}, {"is_enabled": False}]
    )
    def test_leaves_rules_that_are_not_swept(self, rule, change):
        Rule.objects.update(next_sweep_at=NOW, **change)
        assert schedules.start_due_sweeps(now=NOW) == 0

    def test_skips_a_turn_while_the_rule_is_being_scanned(self, rule):
        Rule.objects.update(next_sweep_at=NOW)
        make_execution(rule=rule, trigger=Trigger.POLL)
        assert schedules.start_due_sweeps(now=NOW) == 0
        planned = stored(rule).next_sweep_at
        assert planned is not None
        assert planned > NOW


@pytest.mark.django_db(transaction=True)
class TestInSeveralPlaces:
    @pytest.mark.parametrize(
        ("start", "fields"),
        [
            (schedules.start_due_rules, {"schedule": "* * * * *", "next_run_at": NOW}),
            (schedules.start_due_polls, {"poll_interval_seconds": 60}),
            (schedules.start_due_sweeps, {"next_sweep_at": NOW}),
        ],
    )
    def test_each_rule_starts_once(self, start, fields):
        for _ in range(5):
            make_rule(**fields)
        barrier = threading.Barrier(4)
        started: list[int] = []

        def look() -> None:
            try:
                barrier.wait(30)
                started.append(start(now=NOW))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert len(started) == 4
        assert sum(started) == 5 == Execution.objects.count()


class TestASwitchedOffAccount:
    @pytest.fixture
    def rule(self):
        rule = make_rule(
            next_run_at=NOW,
            schedule="* * * * *",
            poll_interval_seconds=60,
            next_poll_at=NOW,
            next_sweep_at=NOW,
        )
        Account.objects.update(is_active=False)
        return rule

    @pytest.mark.parametrize(
        "start", [schedules.start_due_rules, schedules.start_due_polls, schedules.start_due_sweeps]
    )
    def test_starts_nothing(self, rule, start):
        assert start(now=NOW) == 0
        assert not Execution.objects.exists()

    def test_has_its_executions_stopped_with_the_reason(self, rule):
        execution = make_execution(rule=rule, status=Status.RUNNING)
        make_job(execution=execution)
        assert schedules.stop_switched_off_accounts(now=NOW) == 1
        execution.refresh_from_db()
        assert (execution.status, execution.reason) == (Status.STOPPED, reasons.ACCOUNT_DISABLED)
        assert execution.jobs.get().reason == reasons.ACCOUNT_DISABLED
        assert schedules.stop_switched_off_accounts(now=NOW) == 0

    def test_asks_the_workers_to_stop_what_they_have_in_hand(self, rule):
        execution = make_execution(rule=rule, status=Status.RUNNING)
        make_job(execution=execution, status=Status.RUNNING)
        schedules.stop_switched_off_accounts(now=NOW)
        execution.refresh_from_db()
        assert execution.stop_requested_at == NOW
        execution.jobs.update(
            status=Status.STOPPED, lease_token="", finished_at=NOW, reason="stopped_by_user"
        )
        executions.settle(execution.pk, now=NOW)
        execution.refresh_from_db()
        assert (execution.status, execution.reason) == (Status.STOPPED, reasons.ACCOUNT_DISABLED)

    def test_does_not_stop_what_others_run(self):
        execution = make_execution(rule=make_rule(), status=Status.RUNNING)
        assert schedules.stop_switched_off_accounts(now=NOW) == 0
        execution.refresh_from_db()
        assert execution.stop_requested_at is None
