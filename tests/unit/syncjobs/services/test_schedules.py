"""What is due by time starts once, whoever else looks, and one bad rule holds up nobody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from registries.models import Edition
from syncjobs import policies
from syncjobs.models import Execution, Rule, Trigger
from syncjobs.services import executions, schedules
from syncjobs.states import Status
from tests.factories import make_cross_tenant_rule, make_execution, make_instance, make_rule

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 3, 0, 20, tzinfo=UTC)
DUE = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NEXT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
DAILY: dict[str, Any] = {"schedule": "0 3 * * *", "next_run_at": DUE}


def planned(rule: Rule) -> datetime | None:
    return Rule.objects.get(pk=rule.pk).next_run_at


class TestStartDueRules:
    def test_opens_a_scan_for_a_rule_whose_time_has_come(self):
        rule = make_rule(**DAILY)
        assert schedules.start_due_rules(now=NOW) == 1
        execution = Execution.objects.get()
        assert (execution.rule, execution.trigger, execution.started_by) == (rule, Trigger.SCHEDULE, None)
        assert execution.created_at == NOW
        assert execution.jobs.count() == 1
        assert planned(rule) == NEXT

    def test_is_safe_to_repeat(self):
        make_rule(**DAILY)
        assert [schedules.start_due_rules(now=NOW) for _ in range(3)] == [1, 0, 0]
        assert Execution.objects.count() == 1

    def test_leaves_rules_alone_that_are_not_due_or_have_no_time(self):
        rules = [
            make_rule(schedule="0 3 * * *", next_run_at=NEXT),
            make_rule(schedule="", next_run_at=None),
            make_rule(is_enabled=False, **DAILY),
        ]
        before = [planned(rule) for rule in rules]
        assert schedules.start_due_rules(now=NOW) == 0
        assert [planned(rule) for rule in rules] == before
        assert not Execution.objects.exists()

    def test_makes_up_once_for_times_that_passed_while_no_worker_ran(self):
        rule = make_rule(schedule="*/5 * * * *", next_run_at=DUE - timedelta(days=3))
        assert schedules.start_due_rules(now=NOW) == 1
        assert planned(rule) == DUE + timedelta(minutes=5)

    def test_follows_the_clock_of_the_rule_s_time_zone(self):
        rule = make_rule(time_zone="Asia/Shanghai", **DAILY)
        schedules.start_due_rules(now=NOW)
        assert planned(rule) == datetime(2026, 3, 1, 19, 0, tzinfo=UTC)

    def test_skips_the_time_while_the_rule_is_still_being_scanned(self):
        rule = make_rule(**DAILY)
        make_execution(rule=rule, status=Status.RUNNING)
        assert schedules.start_due_rules(now=NOW) == 0
        assert Execution.objects.count() == 1
        assert planned(rule) == NEXT

    def test_skips_the_time_if_a_scan_begins_at_the_same_moment(self, monkeypatch):
        rule = make_rule(**DAILY)
        make_execution(rule=rule)
        monkeypatch.setattr(policies, "check_can_trigger", lambda _rule: None)
        assert schedules.start_due_rules(now=NOW) == 0
        assert Execution.objects.count() == 1
        assert planned(rule) == NEXT

    def test_does_not_mind_pushes_under_way(self):
        rule = make_rule(**DAILY)
        make_execution(rule=rule, trigger=Trigger.PUSH, status=Status.RUNNING)
        assert schedules.start_due_rules(now=NOW) == 1

    def test_skips_a_rule_whose_edition_holds_none(self):
        rule = make_rule(source=make_instance(edition=Edition.BASIC), **DAILY)
        assert schedules.start_due_rules(now=NOW) == 0
        assert planned(rule) == NEXT

    def test_leaves_it_to_the_drain_to_check_a_foreign_target_s_credential(self):
        make_cross_tenant_rule(**DAILY)
        assert schedules.start_due_rules(now=NOW) == 1

    @pytest.mark.parametrize("broken", [{"schedule": "gibberish"}, {"time_zone": "Mars/Olympus"}])
    def test_is_not_held_up_by_a_rule_that_cannot_be_planned(self, broken, caplog):
        bad, good = make_rule(**DAILY | broken), make_rule(**DAILY)
        assert schedules.start_due_rules(now=NOW) == 2
        assert (planned(bad), planned(good)) == (None, NEXT)
        assert f"Rule {bad.pk}" in caplog.text

    def test_starts_nothing_that_another_worker_has_just_started(self, monkeypatch):
        rule = make_rule(**DAILY)
        following = schedules._following

        def overtaken(slow: Rule, now: datetime) -> datetime | None:
            Rule.objects.filter(pk=slow.pk).update(next_run_at=NEXT)
            return following(slow, now)

        monkeypatch.setattr(schedules, "_following", overtaken)
        assert schedules.start_due_rules(now=NOW) == 0
        assert planned(rule) == NEXT
        assert not Execution.objects.exists()

    def test_tries_again_next_time_if_the_execution_cannot_be_stored(self, monkeypatch):
        rule = make_rule(**DAILY)

        def fail(**_fields: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(executions, "open_scan", fail)
        with pytest.raises(RuntimeError), transaction.atomic():
            schedules.start_due_rules(now=NOW)
        assert planned(rule) == DUE
        monkeypatch.undo()
        assert schedules.start_due_rules(now=NOW) == 1
