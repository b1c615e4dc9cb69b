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
        assert b'hx-trigger="every 30s, poll"' in response.content

    def test_refreshes_often_while_something_runs(self, page, rule):
        factories.make_execution(rule=rule, status="running")
        assert b'hx-trigger="every 5s, poll"' in page.get("/").content

    def test_asks_the_database_a_bounded_number_of_times(self, page, rule, django_assert_max_num_queries):
        for _number in range(15):
            factories.make_finished_execution(rule=rule)
        with django_assert_max_num_queries(8):
            page.get("/")
