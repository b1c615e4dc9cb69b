import pytest

from syncjobs.models import Rule
from syncjobs.queries import rules
from tests import factories

pytestmark = pytest.mark.django_db


class TestListRules:
    def test_finds_the_latest_execution_of_each_rule(self, django_assert_num_queries):
        source = factories.make_instance()
        listed = [factories.make_rule(source=source, name=f"rule-{letter}") for letter in "abc"]
        factories.make_finished_execution(rule=listed[0])
        newest = factories.make_execution(rule=listed[0], status="failed")
        only = factories.make_finished_execution(rule=listed[1])
        with django_assert_num_queries(2):
            rows = rules.list_rules(source=source)[:50]
        assert [(row.rule, row.last_run) for row in rows] == [
            (listed[0], newest),
            (listed[1], only),
            (listed[2], None),
        ]

    def test_keeps_to_the_source(self):
        rule = factories.make_rule()
        assert rule.target
        assert rules.list_rules(source=rule.target).count() == 0

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("NIGHT", ["nightly"]),
            ("老规则", ["nightly"]),
            ("team", ["weekly"]),
            ("v1*", ["weekly"]),
            ("", ["nightly", "weekly"]),
        ],
    )
    def test_searches_names_descriptions_namespaces_and_filters(self, search, found):
        source = factories.make_instance()
        factories.make_rule(source=source, name="nightly", description="老规则")
        factories.make_rule(source=source, name="weekly", namespace="team", tag="v1*")
        assert [row.rule.name for row in rules.list_rules(source=source, search=search)[:50]] == found

    @pytest.mark.parametrize(
        ("is_enabled", "found"), [(True, ["on"]), (False, ["off"]), (None, ["off", "on"])]
    )
    def test_tells_enabled_from_disabled(self, is_enabled, found):
        source = factories.make_instance()
        factories.make_rule(source=source, name="on")
        factories.make_rule(source=source, name="off", is_enabled=False)
        assert [row.rule.name for row in rules.list_rules(source=source, is_enabled=is_enabled)[:50]] == found

    def test_sorts_by_every_column_that_it_names(self):
        source = factories.make_instance()
        for name in ("b", "a", "c"):
            factories.make_rule(source=source, name=name)
        for sort in rules.SORTS:
            assert len(rules.list_rules(source=source, sort=sort)[:50]) == 3
        assert [row.rule.name for row in rules.list_rules(source=source, sort="-name")[:50]] == [
            "c",
            "b",
            "a",
        ]

    def test_describes_nothing_without_a_run_to_look_for(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert rules.describe_rules(Rule.objects.none()) == []
