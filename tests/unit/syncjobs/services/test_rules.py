"""Rules inside a tenant: created, changed, switched, triggered, deleted, by whom, and whole or not at all."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from registries import audit
from registries.models import AuditEvent, Edition, Instance, Permission, Role, User
from registries.policies import Refused
from syncjobs import policies, queue
from syncjobs.models import Execution, Job, Rule, Trigger
from syncjobs.policies import AlreadyRunning, RuleDisabled
from syncjobs.schedules import InvalidSchedule
from syncjobs.services import rules
from syncjobs.states import Status
from tests.factories import (
    make_execution,
    make_grant,
    make_instance,
    make_outcome,
    make_rule,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
NEXT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SYNCHRONIZING = [Role.OWNER, Role.ADMIN, Role.OPERATOR]


@pytest.fixture
def source():
    return make_instance()


@pytest.fixture
def target(source):
    return make_instance(account=source.account)


@pytest.fixture
def owner(source):
    return make_user(account=source.account)


@pytest.fixture
def rule(source, target):
    return make_rule(source=source, target=target, name="nightly")


def create(source: Instance, target: Instance, by: User | None = None, **fields: Any) -> Rule:
    values = {"source": source, "target": target, "name": "nightly", "namespace": "team"} | fields
    return rules.create(values=values, by=by, now=NOW)


def update(rule: Rule, by: User | None = None, **fields: Any) -> dict[str, Any]:
    return rules.update(rule=rule, values=fields, by=by, now=NOW)


def fail(*_arguments: object, **_keywords: object) -> None:
    raise RuntimeError("at the very end")


class TestCreate:
    def test_stores_an_enabled_rule_with_its_next_run(self, source, target, owner):
        rule = create(source, target, owner, schedule="0 3 * * *", override=True)
        rule.refresh_from_db()
        assert (rule.source, rule.target, rule.namespace, rule.override) == (source, target, "team", True)
        assert (rule.is_enabled, rule.created_by, rule.next_run_at) == (True, owner, NEXT)
        assert (rule.target_username, rule.sealed_target_password) == ("", "")

    def test_reads_the_schedule_on_the_clock_of_its_time_zone(self, source, target):
        rule = create(source, target, schedule="0 3 * * *", time_zone="Asia/Shanghai")
        assert rule.next_run_at == datetime(2026, 3, 1, 19, 0, tzinfo=UTC)

    def test_has_no_next_run_without_a_schedule(self, source, target):
        assert create(source, target).next_run_at is None

    def test_can_be_told_to_create_it_disabled(self, source, target):
        assert not create(source, target, is_enabled=False).is_enabled

    def test_keeps_no_credential_inside_the_tenant(self, source, target, owner):
        rule = create(source, target, owner, target_username="left-over", target_password="left-over")
        rule.refresh_from_db()
        assert (rule.target_username, rule.sealed_target_password) == ("", "")
        assert "left-over" not in str(vars(AuditEvent.objects.get()))

    def test_notes_the_act(self, source, target, owner):
        rule = create(source, target, owner)
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor, event.account) == (audit.Verb.RULE_CREATED, owner, source.account)
        assert (event.target_id, event.target_name) == (str(rule.pk), "nightly")
        assert event.changes["target"] == target.name

    def test_is_refused_where_the_edition_holds_no_rules(self, target, owner):
        basic = make_instance(account=target.account, edition=Edition.BASIC)
        with pytest.raises(Refused, match="standard or premium"):
            create(basic, target, owner)
        assert not Rule.objects.exists()

    def test_copies_to_a_basic_instance(self, source, owner):
        create(source, make_instance(account=source.account, edition=Edition.BASIC), owner)

    @pytest.mark.parametrize("role", SYNCHRONIZING)
    def test_is_for_those_who_synchronize(self, source, target, role):
        create(source, target, make_user(account=source.account, role=role))

    def test_needs_push_on_the_target_too(self, source, target):
        viewer = make_user(account=source.account, role=Role.VIEWER)
        with pytest.raises(PermissionDenied):
            create(source, target, viewer)
        make_grant(user=viewer, instance=source, permission=Permission.SYNCHRONIZE)
        with pytest.raises(PermissionDenied):
            create(source, target, viewer)
        make_grant(user=viewer, instance=target, permission=Permission.PUSH)
        create(source, target, viewer)

    def test_is_not_for_another_tenant(self, source, target):
        with pytest.raises(PermissionDenied):
            create(source, target, make_user())
        assert not Rule.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_does_not_reach_another_tenant_without_a_credential(self, source, owner):
        foreign = make_instance()
        with pytest.raises(PermissionDenied):
            create(source, foreign, owner)
        for platform in (None, make_staff()):
            with pytest.raises(Refused) as caught:
                create(source, foreign, platform)
            assert caught.value.field == "target"
        assert not Rule.objects.exists()

    def test_leaves_nothing_behind_a_malformed_schedule(self, source, target, owner):
        with pytest.raises(InvalidSchedule):
            create(source, target, owner, schedule="every day")
        assert not Rule.objects.exists()

    def test_leaves_nothing_when_the_last_step_fails(self, source, target, owner, monkeypatch):
        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            create(source, target, owner)
        assert not Rule.objects.exists()


class TestUpdate:
    def test_changes_fields_and_says_what_changed(self, rule, owner, source):
        other = make_instance(account=source.account)
        changes = update(rule, owner, name="hourly", target=other, override=False)
        old_target = rule.target.name
        rule.refresh_from_db()
        assert changes == {"name": ["nightly", "hourly"], "target": [changes["target"][0], old_target]}
        assert (rule.name, rule.target) == ("hourly", other)

    def test_neither_stores_nor_notes_what_was_so_before(self, rule, owner):
        before = Rule.objects.values().get()
        assert update(rule, owner, name="nightly", namespace="project") == {}
        assert Rule.objects.values().get() == before
        assert not AuditEvent.objects.exists()

    def test_notes_the_act(self, rule, owner):
        update(rule, owner, tag="v*")
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor, event.account) == (
            audit.Verb.RULE_UPDATED,
            owner,
            rule.source.account,
        )
        assert event.changes == {"tag": ["", "v*"]}

    def test_plans_the_next_run_by_a_new_schedule(self, rule, owner):
        update(rule, owner, schedule="0 3 * * *")
        rule.refresh_from_db()
        assert rule.next_run_at == NEXT
        update(rule, owner, time_zone="Asia/Shanghai")
        rule.refresh_from_db()
        assert rule.next_run_at == datetime(2026, 3, 1, 19, 0, tzinfo=UTC)
        update(rule, owner, schedule="")
        rule.refresh_from_db()
        assert rule.next_run_at is None

    def test_does_not_skip_a_run_that_is_due_because_something_else_changed(self, source, owner):
        due = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        rule = make_rule(source=source, schedule="0 12 * * *", next_run_at=due)
        update(rule, owner, description="told apart")
        rule.refresh_from_db()
        assert rule.next_run_at == due

    def test_does_not_make_up_for_runs_missed_while_disabled(self, source, owner):
        past = datetime(2026, 2, 1, 3, 0, tzinfo=UTC)
        rule = make_rule(source=source, schedule="0 3 * * *", next_run_at=past, is_enabled=False)
        update(rule, owner, is_enabled=True)
        rule.refresh_from_db()
        assert rule.next_run_at == NEXT

    def test_keeps_what_the_scheduler_planned_meanwhile(self, source, owner):
        rule = make_rule(source=source, schedule="0 3 * * *", next_run_at=NOW)
        Rule.objects.update(next_run_at=NEXT)
        update(rule, owner, description="told apart")
        rule.refresh_from_db()
        assert rule.next_run_at == NEXT

    def test_is_refused_where_the_edition_holds_no_rules(self, owner, target):
        rule = make_rule(source=make_instance(account=target.account, edition=Edition.BASIC), target=target)
        with pytest.raises(Refused):
            update(rule, owner, tag="v*")
        assert Rule.objects.get().tag == ""

    @pytest.mark.parametrize("role", SYNCHRONIZING)
    def test_is_for_those_who_synchronize(self, rule, role):
        assert update(rule, make_user(account=rule.source.account, role=role), tag="v*")

    def test_is_not_for_viewers_and_other_tenants(self, rule, target):
        viewer = make_user(account=rule.source.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=target, permission=Permission.MANAGE)
        for user in (viewer, make_user()):
            with pytest.raises(PermissionDenied):
                update(rule, user, tag="v*")
        assert Rule.objects.get().tag == ""
        assert not AuditEvent.objects.exists()

    def test_does_not_move_a_rule_to_a_source_where_it_may_not(self, rule, owner):
        with pytest.raises(PermissionDenied):
            update(rule, owner, source=make_instance())
        assert Rule.objects.get().source.account == owner.account

    def test_needs_push_on_a_new_target(self, rule, source):
        viewer = make_user(account=source.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=source, permission=Permission.SYNCHRONIZE)
        with pytest.raises(PermissionDenied):
            update(rule, viewer, target=make_instance(account=source.account))

    def test_leaves_nothing_when_the_last_step_fails(self, rule, owner, monkeypatch):
        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            update(rule, owner, tag="v*")
        assert Rule.objects.get().tag == ""


class TestSetEnabled:
    def test_switches_off_and_on_and_notes_both(self, rule, owner):
        for is_enabled in (False, True):
            rules.set_enabled(rule=rule, is_enabled=is_enabled, by=owner, now=NOW)
            assert Rule.objects.get().is_enabled == rule.is_enabled == is_enabled
        verbs = list(AuditEvent.objects.order_by("id").values_list("verb", flat=True))
        assert verbs == [audit.Verb.RULE_DISABLED, audit.Verb.RULE_ENABLED]

    def test_is_safe_to_repeat_and_notes_only_the_first_time(self, rule, owner):
        stale = Rule.objects.get()
        for copy in (rule, stale):
            rules.set_enabled(rule=copy, is_enabled=False, by=owner, now=NOW)
        assert AuditEvent.objects.count() == 1

    def test_does_not_make_up_for_runs_missed_while_disabled(self, source):
        past = datetime(2026, 2, 1, 3, 0, tzinfo=UTC)
        rule = make_rule(source=source, schedule="0 3 * * *", next_run_at=past, is_enabled=False)
        rules.set_enabled(rule=rule, is_enabled=True, by=None, now=NOW)
        assert Rule.objects.get(pk=rule.pk).next_run_at == NEXT

    def test_lets_executions_under_way_go_on(self, rule):
        execution = make_execution(rule=rule, status=Status.RUNNING)
        rules.set_enabled(rule=rule, is_enabled=False, by=None, now=NOW)
        execution.refresh_from_db()
        assert (execution.status, execution.stop_requested_at) == (Status.RUNNING, None)

    def test_is_not_for_viewers_and_other_tenants(self, rule):
        for user in (make_user(account=rule.source.account, role=Role.VIEWER), make_user()):
            with pytest.raises(PermissionDenied):
                rules.set_enabled(rule=rule, is_enabled=False, by=user, now=NOW)
        assert Rule.objects.get().is_enabled
        assert not AuditEvent.objects.exists()


class TestTrigger:
    def test_opens_a_scan_and_notes_it(self, rule, owner, monkeypatch):
        rings: list[str] = []
        monkeypatch.setattr(queue, "ring", lambda: rings.append("ring"))
        execution = rules.trigger(rule=rule, by=owner, now=NOW)
        event = AuditEvent.objects.get()
        assert (execution.trigger, execution.started_by, execution.created_at) == (Trigger.MANUAL, owner, NOW)
        assert (event.verb, event.actor, event.target_id) == (
            audit.Verb.RULE_TRIGGERED,
            owner,
            str(rule.pk),
        )
        assert (Job.objects.count(), rings) == (1, ["ring"])

    def test_is_refused_for_a_disabled_rule(self, source):
        with pytest.raises(RuleDisabled):
            rules.trigger(rule=make_rule(source=source, is_enabled=False), by=None, now=NOW)
        assert not Execution.objects.exists()

    def test_is_refused_while_a_scan_is_active(self, rule):
        execution = make_execution(rule=rule, trigger=Trigger.SCHEDULE, status=Status.RUNNING)
        with pytest.raises(AlreadyRunning, match=str(execution.pk)):
            rules.trigger(rule=rule, by=None, now=NOW)
        assert Execution.objects.count() == 1

    def test_is_refused_if_another_scan_begins_at_the_same_moment(self, rule, monkeypatch):
        make_execution(rule=rule)
        monkeypatch.setattr(policies, "check_can_trigger", lambda _rule: None)
        with pytest.raises(AlreadyRunning, match="just now"):
            rules.trigger(rule=rule, by=None, now=NOW)
        assert Execution.objects.count() == 1
        assert not AuditEvent.objects.exists()

    @pytest.mark.parametrize("role", SYNCHRONIZING)
    def test_is_for_those_who_synchronize(self, rule, role):
        rules.trigger(rule=rule, by=make_user(account=rule.source.account, role=role), now=NOW)

    def test_is_not_for_viewers_and_other_tenants(self, rule):
        for user in (make_user(account=rule.source.account, role=Role.VIEWER), make_user()):
            with pytest.raises(PermissionDenied):
                rules.trigger(rule=rule, by=user, now=NOW)
        assert not Execution.objects.exists()

    def test_leaves_no_execution_without_its_note(self, rule, monkeypatch):
        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            rules.trigger(rule=rule, by=None, now=NOW)
        assert not Execution.objects.exists()
        assert not Job.objects.exists()


class TestDelete:
    def test_takes_the_logs_along_and_leaves_the_note(self, rule, owner):
        make_outcome()
        make_execution(rule=rule, status=Status.RUNNING)
        old_id = rule.pk
        rules.delete(rule=rule, by=owner, now=NOW)
        assert not Rule.objects.filter(pk=old_id).exists()
        assert not Execution.objects.filter(source=rule.source).exists()
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor, event.target_id) == (audit.Verb.RULE_DELETED, owner, str(old_id))

    def test_is_not_for_viewers_and_other_tenants(self, rule):
        for user in (make_user(account=rule.source.account, role=Role.VIEWER), make_user()):
            with pytest.raises(PermissionDenied):
                rules.delete(rule=rule, by=user, now=NOW)
        assert Rule.objects.exists()
        assert not AuditEvent.objects.exists()
