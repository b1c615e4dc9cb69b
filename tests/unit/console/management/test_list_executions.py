"""`manage.py list_executions`: table and JSON."""

import pytest

from syncjobs.states import Status
from tests.factories import (
    make_account,
    make_execution,
    make_finished_execution,
    make_instance,
    make_replica,
    make_rule,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule():
    source = make_instance(name="source", account=make_account(uin="100000000001"))
    return make_rule(name="nightly", source=source)


class TestTable:
    def test_shows_the_newest_first(self, run, rule):
        first = make_finished_execution(rule=rule)
        second = make_execution(rule=rule, status=Status.RUNNING)
        lines = run("list_executions", "source/nightly").output.splitlines()
        assert lines[0].split()[:4] == ["TASK", "RULE", "TRIGGER", "STATUS"]
        assert [line.split()[0] for line in lines[1:]] == [str(second.pk), str(first.pk)]
        assert "100000000001/source/nightly" in lines[2]
        assert "60.0 s" in lines[2]
        assert "100%" in lines[2]
        assert "5 copied" in lines[2]

    def test_says_that_there_are_none(self, run):
        assert run("list_executions").output == "There are no executions.\n"

    def test_shows_replicas_too(self, run):
        replica = make_replica()
        make_execution(replica=replica)
        assert replica.replica_id in run("list_executions").output


class TestJson:
    def test_lists_the_same_objects_as_trigger_rule(self, run, rule):
        make_finished_execution(rule=rule)
        (listed,) = run("list_executions", "--json").document
        triggered = run("trigger_rule", "source/nightly", "--json").document
        assert listed.keys() == triggered.keys()
        assert listed["status"] == "succeeded"
        assert listed["duration_seconds"] == 60.0
        assert listed["success_ratio"] == 1.0

    def test_is_an_empty_list_without_executions(self, run):
        assert run("list_executions", "--json").document == []

    def test_keeps_to_one_rule(self, run, rule):
        make_finished_execution()
        mine = make_finished_execution(rule=rule)
        listed = run("list_executions", "source/nightly", "--json").document
        assert [one["task_id"] for one in listed] == [mine.pk]

    def test_keeps_to_the_limit(self, run, rule):
        newest = [make_finished_execution(rule=rule) for _number in range(3)][-1]
        listed = run("list_executions", "--json", "--limit", "1").document
        assert [one["task_id"] for one in listed] == [newest.pk]


class TestRefusal:
    @pytest.mark.parametrize(
        "arguments",
        [["source/hourly"], ["nowhere/nightly"], ["nightly"], ["--limit", "0"], ["--limit", "9" * 30]],
    )
    def test_ends_with_two(self, run, rule, arguments):
        result = run("list_executions", *arguments)
        assert result.code == 2
        assert result.errors
