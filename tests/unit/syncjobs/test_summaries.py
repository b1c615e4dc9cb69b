"""One execution as plain data."""

from datetime import timedelta

import pytest
from django.utils import timezone

from syncjobs.states import Status
from syncjobs.summaries import summarize
from tests.factories import make_execution, make_finished_execution, make_replica

pytestmark = pytest.mark.django_db


class TestSummarize:
    def test_knows_nothing_of_what_has_not_begun(self):
        summary = summarize(make_execution(), timezone.now())
        assert summary["duration_seconds"] is None
        assert summary["success_ratio"] is None
        assert summary["started_at"] is None
        assert summary["finished_at"] is None

    def test_measures_a_running_execution_up_to_now(self):
        execution = make_execution(status=Status.RUNNING)
        assert execution.started_at is not None
        later = execution.started_at + timedelta(seconds=90, milliseconds=250)
        assert summarize(execution, later)["duration_seconds"] == 90.25

    def test_tells_the_whole_of_a_finished_one(self):
        execution = make_finished_execution(failed_count=1, deleted_count=3, up_to_date_count=4)
        summary = summarize(execution, timezone.now())
        assert summary["task_id"] == execution.pk
        assert execution.rule is not None
        assert summary["rule"] == execution.rule.name
        assert summary["instance_id"] == execution.source.instance_id
        assert summary["account"] == execution.source.account.uin
        assert summary["tags"] == {"copied": 5, "up_to_date": 4, "skipped": 0, "failed": 1}
        assert summary["deleted_tag_count"] == 3
        assert summary["success_ratio"] == 1.0

    def test_names_the_replica_of_a_replication(self):
        replica = make_replica()
        summary = summarize(make_execution(replica=replica), timezone.now())
        assert (summary["rule"], summary["replica"]) == (None, replica.replica_id)
