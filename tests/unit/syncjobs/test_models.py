"""The invariants of what should happen and what happened, each by a deliberate violation."""

from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from registries.models import Account, Instance, Role
from registries.vault import VaultError
from syncjobs import states
from syncjobs.models import Execution, Job, JobKind, Outcome, PushEvent, Rule, Trigger
from syncjobs.states import Status
from tests.factories import (
    make_cross_tenant_rule,
    make_execution,
    make_finished_execution,
    make_instance,
    make_job,
    make_outcome,
    make_replica,
    make_rule,
    make_staff,
    make_user,
    make_worker,
)

pytestmark = pytest.mark.django_db

SCANS = [Trigger.MANUAL, Trigger.SCHEDULE, Trigger.SWEEP]


def refused(*, name: str = "") -> AbstractContextManager[None]:
    """The database refuses what is done inside; the message names the constraint where the database does."""

    @contextmanager
    def manager():
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            yield
        assert name in str(caught.value)

    return manager()


def change(row: Any, **fields: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)


class TestRule:
    def test_has_a_name_of_its_own_in_the_source(self):
        rule = make_rule(name="nightly")
        make_rule(name="nightly")
        with refused():
            make_rule(name="nightly", source=rule.source)

    def test_has_a_namespace(self):
        with refused(name="rule_has_namespace"):
            make_rule(namespace="")

    def test_has_a_known_artifact_type(self):
        with refused(name="rule_artifact_type_is_known"):
            make_rule(artifact_type="sandwich")

    @pytest.mark.parametrize(
        "wrong", [{"target_username": "100000000001"}, {"sealed_target_password": "test.a.b"}]
    )
    def test_has_no_credential_inside_the_tenant(self, wrong):
        with refused(name="rule_credential_iff_cross_tenant"):
            make_rule(**wrong)

    def test_has_a_username_across_tenants(self):
        rule = make_cross_tenant_rule()
        with refused(name="rule_credential_iff_cross_tenant"):
            change(rule, target_username="")
        with refused(name="rule_credential_iff_cross_tenant"):
            change(rule, is_cross_tenant=False)

    def test_keeps_its_source_and_its_target(self):
        rule = make_rule()
        with pytest.raises(ProtectedError):
            rule.source.delete()
        with refused(name="rule_has_target"):
            Instance.objects.get(inbound_rules=rule).delete()

    def test_outlives_the_target_that_another_account_deletes(self):
        rule = make_cross_tenant_rule()
        target = Instance.objects.get(inbound_rules=rule)
        instance_id = target.instance_id
        target.delete()
        rule.refresh_from_db()
        assert (rule.target, rule.target_instance_id) == (None, instance_id)

    def test_outlives_the_user_who_created_it(self):
        user = make_user()
        rule = make_rule(created_by=user)
        user.delete()
        assert Rule.objects.get(pk=rule.pk).created_by is None

    def test_is_visible_to_the_source_s_account_and_to_staff_only(self):
        rule = make_cross_tenant_rule()
        for role in Role.values:
            assert list(Rule.objects.visible_to(make_user(account=rule.source.account, role=role))) == [rule]
        assert list(Rule.objects.visible_to(make_staff())) == [rule]
        assert not Rule.objects.visible_to(
            make_user(account=Account.objects.get(instances__inbound_rules=rule))
        ).exists()
        assert not Rule.objects.visible_to(make_user(is_staff=True)).exists()

    def test_opens_its_secret_for_itself_only(self):
        mine, other = make_cross_tenant_rule(secret="hush-hush"), make_cross_tenant_rule(secret="other")
        assert mine.open_target_password() == "hush-hush"
        assert "hush-hush" not in f"{mine!r} {mine} {vars(mine)}"
        other.sealed_target_password = mine.sealed_target_password
        with pytest.raises(VaultError):
            other.open_target_password()

    def test_does_not_open_its_secret_for_another_account(self):
        rule = make_cross_tenant_rule()
        change(rule.source, account=make_instance().account)
        with pytest.raises(VaultError):
            Rule.objects.get(pk=rule.pk).open_target_password()


class TestExecution:
    def test_is_of_a_rule_or_of_a_replica(self):
        replica = make_replica()
        make_execution(replica=replica)
        with refused(name="execution_of_rule_or_replica"):
            make_execution(rule=make_rule(), replica=replica)
        with refused(name="execution_of_rule_or_replica"):
            change(make_execution(), rule=None)

    @pytest.mark.parametrize("status", sorted(states.FINAL))
    def test_has_an_end_once_it_is_final(self, status):
        with refused(name="execution_finished_iff_final"):
            make_execution(status=status, finished_at=None)

    @pytest.mark.parametrize("status", sorted(states.ACTIVE))
    def test_has_no_end_before(self, status):
        with refused(name="execution_finished_iff_final"):
            make_execution(status=status, finished_at=timezone.now())

    @pytest.mark.parametrize("finished", [None, timezone.now()])
    def test_has_a_known_status(self, finished):
        with refused(name="execution_finished_iff_final"):
            make_execution(status="exploded", finished_at=finished)

    @pytest.mark.parametrize("second", SCANS)
    @pytest.mark.parametrize("status", sorted(states.ACTIVE))
    def test_is_the_only_active_scan_of_its_rule(self, status, second):
        first = make_execution(status=status)
        with refused():
            make_execution(rule=first.rule, trigger=second)

    def test_may_run_beside_pushes_finished_scans_and_other_rules(self):
        first = make_execution()
        make_execution(rule=first.rule, trigger=Trigger.PUSH)
        make_execution(rule=first.rule, trigger=Trigger.PUSH)
        make_finished_execution(rule=first.rule)
        make_execution(rule=make_rule(source=first.source))
        assert Execution.objects.active().count() == 4

    def test_is_visible_to_the_source_s_account_and_to_staff_only(self):
        execution = make_execution(rule=make_cross_tenant_rule())
        assert execution.rule is not None
        own = make_user(account=execution.source.account, role=Role.VIEWER)
        assert list(Execution.objects.visible_to(own)) == [execution]
        assert list(Execution.objects.visible_to(make_staff())) == [execution]
        assert not Execution.objects.visible_to(
            make_user(account=Account.objects.get(instances__inbound_rules=execution.rule))
        ).exists()

    @pytest.mark.parametrize("target", list(Status))
    @pytest.mark.parametrize("status", list(Status))
    def test_moves_only_where_the_table_allows(self, status, target):
        execution = make_execution(status=status)
        finished = timezone.now() if target in states.FINAL else None
        moved = Execution.objects.filter(pk=execution.pk).move(target, finished_at=finished)
        execution.refresh_from_db()
        is_allowed = target in states.EXECUTION_TRANSITIONS[status]
        assert (moved, execution.status) == ((1, target) if is_allowed else (0, status))

    def test_goes_with_its_rule_and_its_source(self):
        execution = make_execution()
        make_outcome(job=make_job(execution=execution))
        assert execution.rule is not None
        execution.rule.delete()
        assert not Execution.objects.exists()
        assert not Job.objects.exists()
        assert not Outcome.objects.exists()

    def test_tells_how_long_it_took_or_has_taken(self):
        now = timezone.now()
        assert make_execution().duration(now) is None
        running = make_execution(status=Status.RUNNING, now=now)
        assert running.duration(now + timedelta(minutes=2)) == timedelta(minutes=3)
        assert make_finished_execution(now=now).duration(now + timedelta(days=1)) == timedelta(minutes=1)

    def test_tells_the_share_of_repositories_without_failures(self):
        assert make_execution().success_ratio is None
        assert make_finished_execution(repository_count=4, succeeded_repository_count=3).success_ratio == 0.75


class TestJob:
    def test_is_the_only_one_of_its_repository(self):
        job = make_job(source_repository="team/app")
        make_job(source_repository="team/app")
        make_job(execution=job.execution, source_repository="team/app", kind=JobKind.DISCOVER)
        with refused():
            make_job(execution=job.execution, source_repository="team/app")

    def test_holds_a_lease_exactly_while_it_runs(self):
        with refused(name="job_leased_iff_running"):
            make_job(status=Status.RUNNING, lease_token="")
        for status in set(Status) - {Status.RUNNING}:
            with refused(name="job_leased_iff_running"):
                make_job(status=status, lease_token="token")

    @pytest.mark.parametrize("status", sorted(states.FINAL))
    def test_has_an_end_once_it_is_final(self, status):
        with refused(name="job_finished_iff_final"):
            make_job(status=status, finished_at=None)

    @pytest.mark.parametrize("status", sorted(states.ACTIVE))
    def test_has_no_end_before(self, status):
        with refused(name="job_finished_iff_final"):
            make_job(status=status, finished_at=timezone.now())

    def test_has_a_known_status(self):
        with refused(name="job_finished_iff_final"):
            make_job(status="exploded", finished_at=timezone.now())

    def test_is_due_when_its_time_has_come_or_its_lease_is_over(self):
        now = timezone.now()
        due = {
            make_job(not_before=now),
            make_job(status=Status.RUNNING, lease_until=now - timedelta(seconds=1)),
        }
        make_job(not_before=now + timedelta(seconds=1))
        make_job(status=Status.RUNNING, lease_until=now)
        for status in states.FINAL:
            make_job(status=status, not_before=now - timedelta(days=1))
        assert set(Job.objects.due(now)) == due

    def test_is_written_to_by_the_holder_of_its_lease_only(self):
        job = make_job(status=Status.RUNNING, lease_token="mine")
        make_job(status=Status.RUNNING, lease_token="theirs")
        assert list(Job.objects.leased("mine")) == [job]
        assert not Job.objects.leased("").exists()

    @pytest.mark.parametrize("target", sorted(set(Status) - {Status.RUNNING}))
    @pytest.mark.parametrize("status", list(Status))
    def test_moves_only_where_the_table_allows(self, status, target):
        job = make_job(status=status)
        finished = timezone.now() if target in states.FINAL else None
        moved = Job.objects.filter(pk=job.pk).move(target, finished_at=finished, lease_token="")
        job.refresh_from_db()
        is_allowed = target in states.JOB_TRANSITIONS[Status(status)]
        assert (moved, job.status) == ((1, target) if is_allowed else (0, status))

    def test_is_named_after_its_repository(self):
        assert str(make_job(source_repository="team/app")) == "team/app"
        assert str(make_job(source_repository="", kind=JobKind.DISCOVER)) == "Find repositories"


class TestOutcome:
    def test_is_the_only_one_of_its_tag(self):
        outcome = make_outcome(tag="v1")
        make_outcome(tag="v1")
        with refused():
            make_outcome(tag="v1", job=outcome.job)


class TestPushEvent:
    def test_is_stored_once_however_often_it_is_delivered(self):
        details = {
            "event_id": "e1",
            "action": "push",
            "repository": "team/app",
            "received_at": timezone.now(),
        }
        instance = make_instance()
        PushEvent.objects.create(instance=instance, **details)
        PushEvent.objects.create(instance=make_instance(), **details)
        with refused():
            PushEvent.objects.create(instance=instance, **details)


class TestWorker:
    def test_has_a_name_of_its_own(self):
        worker = make_worker()
        with refused():
            make_worker(name=worker.name)
