"""Executions of replicas are opened by whom and when they may be."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from registries.models import Account, AuditEvent, Replica, ReplicaStatus, Role
from registries.policies import Refused
from syncjobs.models import Execution, Job, LagSample, Trigger
from syncjobs.policies import AlreadyRunning
from syncjobs.services import executions, replication, retention
from syncjobs.states import Status
from tests.factories import make_execution, make_finished_execution, make_replica, make_rule, make_user

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def replica() -> Replica:
    return make_replica()


def member(replica: Replica, role: str):
    return make_user(account=replica.primary.account, role=role)


class TestPermissions:
    @pytest.mark.parametrize("act", [replication.check_drift, replication.repair])
    def test_of_an_operator_suffice_to_check_and_repair(self, replica, act):
        execution = act(replica=replica, by=member(replica, Role.OPERATOR), now=NOW)
        assert execution.started_by is not None
        assert AuditEvent.objects.filter(verb__startswith="replica.").count() == 1

    @pytest.mark.parametrize("act", [replication.check_drift, replication.repair, replication.open_backfill])
    def test_of_a_viewer_or_a_stranger_do_not(self, replica, act):
        for by in (member(replica, Role.VIEWER), make_user()):
            with pytest.raises(PermissionDenied):
                act(replica=replica, by=by, now=NOW)
        assert not Execution.objects.exists()

    def test_of_an_operator_do_not_suffice_to_remove(self, replica):
        with pytest.raises(PermissionDenied):
            replication.open_removal(replica=replica, by=member(replica, Role.OPERATOR), now=NOW)


class TestOpening:
    def test_of_two_scans_at_a_time_is_refused(self, replica):
        replication.repair(replica=replica, by=None, now=NOW)
        with pytest.raises(AlreadyRunning, match=replica.replica_id):
            replication.open_backfill(replica=replica, by=None, now=NOW)
        replication.check_drift(replica=replica, by=None, now=NOW)
        with pytest.raises(AlreadyRunning):
            replication.check_drift(replica=replica, by=None, now=NOW)

    def test_is_refused_for_a_replica_that_is_being_deleted(self, replica):
        replica.status = ReplicaStatus.DELETING
        for act in (replication.check_drift, replication.repair):
            with pytest.raises(Refused, match="being deleted"):
                act(replica=replica, by=None, now=NOW)

    def test_of_a_removal_is_refused_for_a_replica_that_stays(self, replica):
        with pytest.raises(Refused):
            replication.open_removal(replica=replica, by=None, now=NOW)


class TestSweeps:
    def test_are_opened_together_for_the_replicas_of_a_primary(self, replica):
        sister = make_replica(primary=replica.primary, next_sweep_at=NOW + timedelta(minutes=50))
        other = make_replica(next_sweep_at=NOW + timedelta(minutes=50))
        assert replication.start_due_sweeps(now=NOW) == 2
        swept = Execution.objects.filter(trigger=Trigger.SWEEP)
        assert set(swept.values_list("replica", flat=True)) == {replica.pk, sister.pk}
        assert replication.start_due_sweeps(now=NOW) == 0
        other.refresh_from_db()
        assert other.next_sweep_at == NOW + timedelta(minutes=50)

    def test_skip_a_turn_while_a_scan_goes_on(self, replica):
        replication.open_backfill(replica=replica, by=None, now=NOW)
        assert replication.start_due_sweeps(now=NOW + timedelta(hours=2)) == 0
        replica.refresh_from_db()
        assert replica.next_sweep_at > NOW + timedelta(hours=2)

    def test_leave_out_deleted_ones_switched_off_accounts_and_never(self, replica):
        make_replica(status=ReplicaStatus.DELETING)
        make_replica(sweep_interval_seconds=0)
        Account.objects.filter(pk=replica.primary.account_id).update(is_active=False)
        assert replication.start_due_sweeps(now=NOW) == 0


class TestDriftChecks:
    def test_are_planned_for_the_night(self, replica, settings):
        settings.TIME_ZONE = "UTC"
        noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
        assert replication.start_due_drift_checks(now=noon) == 0
        replica.refresh_from_db()
        assert noon + timedelta(hours=13) <= replica.next_drift_check_at < noon + timedelta(hours=17)
        assert replication.start_due_drift_checks(now=replica.next_drift_check_at) == 1
        assert Execution.objects.get().trigger == Trigger.DRIFT


class TestRemovals:
    def test_are_started_again_where_nobody_works_on_them(self):
        make_replica(status=ReplicaStatus.DELETING)
        assert replication.restart_removals(now=NOW) == 1
        assert replication.restart_removals(now=NOW) == 0
        execution = Execution.objects.get()
        executions.stop(execution=execution, by=None, now=NOW)
        assert replication.restart_removals(now=NOW + timedelta(minutes=10)) == 0
        assert replication.restart_removals(now=NOW + timedelta(minutes=20)) == 1

    def test_wait_a_moment_for_workers_that_have_something_in_hand(self):
        replica = make_replica(status=ReplicaStatus.DELETING)
        running = make_execution(replica=replica, trigger=Trigger.SWEEP, replica_name=replica.replica_id)
        Job.objects.create(
            execution=running,
            account=replica.primary.account,
            status=Status.RUNNING,
            lease_token="worker",
            not_before=NOW,
        )
        execution = replication.open_removal(replica=replica, by=None, now=NOW)
        assert execution is not None
        assert execution.jobs.get().not_before > NOW
        running.refresh_from_db()
        assert (running.replica, running.stop_requested_at) == (None, NOW)


class TestHistory:
    def test_of_a_replica_that_is_gone_stays(self, replica):
        execution = make_finished_execution(
            replica=replica, replica_name=replica.replica_id, trigger=Trigger.SWEEP
        )
        replica.delete()
        execution.refresh_from_db()
        assert (execution.replica, execution.replica_name) == (None, replica.replica_id)

    def test_of_the_lag_ends_after_a_day(self, replica):
        LagSample.objects.create(replica=replica, sampled_at=NOW - timedelta(hours=25))
        LagSample.objects.create(replica=replica, sampled_at=NOW)
        retention.prune(now=NOW)
        assert LagSample.objects.count() == 1

    def test_tells_rules_from_replicas(self, replica):
        rule = make_rule(source=replica.primary)
        replication.repair(replica=replica, by=None, now=NOW)
        assert not rule.executions.exists()
        assert list(replica.primary.executions.values_list("replica_name", flat=True)) == [replica.replica_id]
