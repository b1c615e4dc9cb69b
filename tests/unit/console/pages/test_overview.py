from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories
from tests.unit.console.reading import get_fragment, text_of

pytestmark = pytest.mark.django_db


class TestShow:
    def test_tells_who_begins_what_to_do_first(self, page):
        response = page.get("/")
        assert "Set up your first synchronization" in text_of(response)
        assert b'href="/instances/new/"' in response.content

    def test_offers_viewers_nothing_that_they_may_not_do(self, viewer_page):
        assert b'href="/instances/new/"' not in viewer_page.get("/").content

    def test_leads_from_instances_to_rules(self, page, source):
        text = text_of(page.get("/"))
        assert "Go to Synchronization" in text
        assert "Set up your first synchronization" in text

    def test_shows_figures_once_there_is_a_rule(self, page, rule):
        factories.make_finished_execution(rule=rule)
        text = text_of(page.get("/"))
        assert "Set up your first synchronization" not in text
        assert "Success rate, last 24 h 100 %" in text
        assert "11.8 MiB" in text

    def test_draws_the_executions_of_the_last_day_and_those_that_failed(self, page, rule):
        for status in ("succeeded", "succeeded", "failed"):
            factories.make_execution(rule=rule, status=status)
        response = page.get("/")
        assert b"Executions per hour: at most 3, of which at most 1 failed" in response.content
        assert response.content.count(b"<polyline") == 2

    def test_draws_no_line_before_anything_ran(self, page, rule):
        assert b'class="sparkline"' not in page.get("/").content

    def test_shows_the_last_days_failures_first(self, page, rule):
        old = timezone.now() - timedelta(days=3)
        factories.make_execution(rule=rule, status="failed", now=old, reason="storage_full")
        factories.make_execution(rule=rule, status="failed", reason="unauthorized")
        factories.make_finished_execution(rule=rule)
        rows = [row.execution.reason for row in page.get("/").context["overview"].recent]
        assert rows == ["unauthorized", "", "storage_full"]

    def test_shows_nothing_of_another_tenant(self, page, rule):
        factories.make_finished_execution(rule=factories.make_rule(name="foreign-rule"))
        response = page.get("/")
        assert "foreign-rule" not in text_of(response)
        assert response.context["overview"].rule_count == 1

    def test_refreshes_as_a_fragment(self, page, rule):
        response = get_fragment(page, "/", "overview-live")
        assert b"<html" not in response.content

    def test_does_not_poll_while_nothing_runs(self, page, rule):
        factories.make_finished_execution(rule=rule)
        assert b"every" not in page.get("/").content

    def test_refreshes_often_while_something_runs(self, page, rule):
        factories.make_execution(rule=rule, status="running")
        assert b'hx-trigger="every 5s, poll"' in page.get("/").content

    def test_asks_the_database_a_bounded_number_of_times(self, page, rule, django_assert_max_num_queries):
        for _number in range(15):
            factories.make_finished_execution(rule=rule)
        with django_assert_max_num_queries(15):
            page.get("/")


class TestTopology:
    def test_draws_instances_rules_and_replicas_by_region(self, page, rule):
        replica = factories.make_replica(
            primary=rule.source, backend=factories.make_backend(region=factories.make_region("ap-shanghai"))
        )
        response = page.get("/")
        markup = response.content.decode()
        for expected in ("South China (Guangzhou)", "East China (Shanghai)", "source", "target"):
            assert expected in text_of(response)
        assert f'<a href="/replication/replicas/{replica.replica_id}/">' in markup
        assert markup.count('class="topology__edge ') == 2
        assert "1 rule: release" in text_of(response)
        assert "Replication: Running" in text_of(response)
        assert "style=" not in markup

    def test_marks_loops_and_borders(self, page, rule, account):
        factories.make_rule(source=rule.target, target=rule.source, namespace=rule.namespace)
        abroad = factories.make_instance(account=account, region=factories.make_region("ap-singapore"))
        factories.make_rule(source=rule.source, target=abroad)
        markup = page.get("/").content.decode()
        assert ">loop</text>" in markup
        assert ">cross-border</text>" in markup

    def test_shows_nothing_of_others(self, page, rule):
        factories.make_rule(source=factories.make_instance(name="somebody-elses"))
        assert "somebody-elses" not in text_of(page.get("/"))

    def test_is_left_out_while_nothing_flows(self, page, source):
        assert "Topology" not in text_of(page.get("/"))

    def test_asks_the_database_fifteen_times_at_most(self, page, rule, django_assert_max_num_queries):
        for _number in range(5):
            factories.make_replica(primary=rule.source)
            factories.make_finished_execution(rule=factories.make_rule(source=rule.source))
        with django_assert_max_num_queries(15):
            page.get("/")


class TestPlatformSteps:
    def test_lead_staff_from_regions_to_rules(self, sign_in):
        text = text_of(sign_in(factories.make_staff()).get("/"))
        assert "Set up the platform" in text
        assert "Create a backend" in text
        assert "Set up your first synchronization" not in text

    def test_are_gone_once_somebody_has_a_rule(self, sign_in, rule):
        assert "Set up the platform" not in text_of(sign_in(factories.make_staff()).get("/"))

    def test_are_not_for_tenants(self, page):
        text = text_of(page.get("/"))
        assert "Set up the platform" not in text
        assert "Set up your first synchronization" in text
