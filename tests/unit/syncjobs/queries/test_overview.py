from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from registries.models import Instance
from syncjobs.queries.overview import overview
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()


class TestOverview:
    def test_counts_what_the_user_may_see(self):
        rule = factories.make_rule(is_enabled=False)
        factories.make_rule(source=rule.source, target=rule.target)
        Instance.objects.filter(inbound_rules=rule).update(health="unhealthy")
        factories.make_rule()
        seen = overview(factories.make_user(account=rule.source.account), NOW)
        assert (seen.instance_count, seen.unhealthy_count) == (2, 1)
        assert (seen.rule_count, seen.enabled_rule_count) == (2, 1)

    def test_counts_executions_and_failures_by_the_hour_with_the_empty_hours_between(self):
        rule = factories.make_rule()
        then = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
        for status, hours in (
            ("failed", 23),
            ("succeeded", 2),
            ("failed", 2),
            ("succeeded", 0),
            ("failed", 25),
        ):
            factories.make_execution(rule=rule, status=status, now=then - timedelta(hours=hours))
        seen = overview(factories.make_user(account=rule.source.account), then)
        busy = [hour for hour in seen.hours if hour.execution_count]
        assert [(hour.began_at.hour, hour.execution_count, hour.failed_count) for hour in busy] == [
            (13, 1, 1),
            (10, 2, 1),
            (12, 1, 0),
        ]
        assert [later.began_at - hour.began_at for hour, later in pairwise(seen.hours)] == [
            timedelta(hours=1)
        ] * 24
        assert seen.execution_count == 4

    def test_counts_executions_of_the_last_24_hours(self):
        rule = factories.make_rule()
        for status in ("succeeded", "succeeded", "succeeded", "failed", "stopped", "running"):
            factories.make_execution(rule=rule, status=status, bytes_copied=10)
        factories.make_finished_execution(rule=rule, created_at=NOW - timedelta(hours=25))
        seen = overview(factories.make_user(account=rule.source.account), NOW)
        assert seen.execution_count == 6
        assert (seen.active_count, seen.succeeded_count, seen.failed_count, seen.stopped_count) == (
            1,
            3,
            1,
            1,
        )
        assert seen.success_ratio == 0.75
        assert seen.bytes_copied == 60

    def test_knows_no_success_ratio_before_anything_finished(self):
        assert overview(factories.make_user(), NOW).success_ratio is None

    def test_shows_ten_executions_at_most(self):
        rule = factories.make_rule()
        for _number in range(12):
            factories.make_finished_execution(rule=rule)
        assert len(overview(factories.make_user(account=rule.source.account), NOW).recent) == 10

    def test_shows_staff_everything(self):
        factories.make_rule()
        factories.make_rule()
        assert overview(factories.make_staff(), NOW).rule_count == 2
