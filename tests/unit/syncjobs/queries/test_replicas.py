"""What the replication page says about replicas, in few queries."""

from datetime import timedelta

import pytest
from django.utils import timezone

from registries.models import ReplicaStatus
from syncjobs.models import DriftReport, EventAction, LagSample, PushEvent, Trigger
from syncjobs.queries import replicas
from syncjobs.services import replication
from syncjobs.states import Status
from tests.factories import make_execution, make_job, make_replica

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def replica():
    return make_replica()


def ago(**how: float):
    return NOW - timedelta(**how)


def state_of(replica) -> replicas.ReplicaState:
    return replicas.list_states([replica], NOW)[replica.pk]


class TestLag:
    def test_is_nothing_where_nothing_waits(self, replica):
        assert state_of(replica).lag == replicas.Lag(0, 0.0)

    def test_counts_tags_and_the_age_of_the_oldest_push(self, replica):
        for seconds, tags in ((90, ["v1", "v2"]), (10, ["v3"])):
            execution = make_execution(replica=replica, trigger=Trigger.PUSH, created_at=ago(seconds=seconds))
            make_job(execution=execution, tags=tags, deleted_tags=["old"])
        make_job(execution=execution, tags=["done"], status=Status.SUCCEEDED)
        assert state_of(replica).lag == replicas.Lag(5, 90.0)

    def test_counts_only_what_is_left_of_a_job(self, replica):
        execution = make_execution(replica=replica, trigger=Trigger.PUSH, created_at=NOW)
        make_job(execution=execution, tags=["v1", "v2"], retry_tags=["v2"])
        assert state_of(replica).lag.artifacts_behind == 1

    def test_counts_events_that_nobody_has_looked_at(self, replica):
        PushEvent.objects.create(
            instance=replica.primary,
            event_id="1",
            action=EventAction.PUSH,
            repository="a/b",
            tag="v1",
            received_at=ago(seconds=70),
        )
        assert state_of(replica).lag == replicas.Lag(1, 70.0)

    def test_is_sampled_once_a_minute(self, replica):
        make_replica(status=ReplicaStatus.DELETING)
        assert replication.sample_lag(now=NOW) == 1
        assert replication.sample_lag(now=NOW + timedelta(seconds=5)) == 0
        assert replication.sample_lag(now=NOW + timedelta(seconds=60)) == 1
        assert len(replicas.list_states([replica], NOW + timedelta(seconds=61))[replica.pk].lag_history) == 2


class TestHealth:
    def test_knows_the_last_success(self, replica):
        assert state_of(replica).last_success_at is None
        for trigger, minutes in ((Trigger.SWEEP, 5), (Trigger.DRIFT, 1)):
            make_execution(
                replica=replica, status=Status.SUCCEEDED, trigger=trigger, finished_at=ago(minutes=minutes)
            )
        assert state_of(replica).last_success_at == ago(minutes=5)

    def test_says_what_is_being_tried_again(self, replica):
        execution = make_execution(replica=replica, status=Status.RUNNING, trigger=Trigger.PUSH)
        make_job(execution=execution, tags=["v1"], reason="unreachable", reason_detail="refused", attempt=3)
        assert state_of(replica).trouble == replicas.Trouble("unreachable", "refused")

    def test_holds_the_last_drift_report(self, replica):
        for missing in (3, 0):
            DriftReport.objects.create(replica=replica, checked_at=NOW, missing_count=missing)
        report = state_of(replica).drift_report
        assert report is not None
        assert report.difference_count == 0


class TestQueries:
    def test_are_as_many_for_one_as_for_many(self, replica, django_assert_num_queries):
        many = [replica, *(make_replica() for _ in range(20))]
        for one in many:
            execution = make_execution(replica=one, status=Status.RUNNING, trigger=Trigger.PUSH)
            make_job(execution=execution, tags=["v1"], reason="unreachable", first_failed_at=NOW)
            LagSample.objects.create(replica=one, sampled_at=NOW)
        with django_assert_num_queries(7):
            assert len(replicas.list_states(many, NOW)) == 21
