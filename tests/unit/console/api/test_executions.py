"""Executions over the API: the log by cursor, one in detail, stopped and retried."""

from datetime import timedelta

import pytest
from django.utils import timezone

from syncjobs.models import Execution, Trigger
from syncjobs.states import Status
from tests import factories
from tests.unit.console.api.conftest import errors_of

pytestmark = pytest.mark.django_db


def pages_of(program, path):
    """Yield the ids of each page."""
    while path:
        body = program.get(path).json()
        yield [row["id"] for row in body["results"]]
        path = (body["next"] or "").removeprefix("http://testserver")


class TestList:
    def test_turns_pages_by_cursor_while_the_log_grows(self, program, rule):
        runs = [factories.make_execution(rule=rule, status=Status.SUCCEEDED).pk for _ in range(5)]
        pages = pages_of(program, "executions/?page_size=2")
        first = next(pages)
        Execution.objects.filter(pk=first[-1]).delete()
        factories.make_execution(rule=rule)
        assert [first, *pages] == [runs[:2:-1], runs[2:0:-1], runs[:1]]

    def test_filters(self, program, rule, source, target):
        other = factories.make_rule(source=source, target=target)
        failed = factories.make_execution(rule=rule, status=Status.FAILED)
        factories.make_execution(rule=other, status=Status.SUCCEEDED)
        ids = lambda query: [row["id"] for row in program.get(f"executions/?{query}").json()["results"]]  # noqa: E731
        assert ids("status=failed") == [failed.pk]
        assert ids(f"rule={rule.pk}") == [failed.pk]
        assert ids(f"source={target.instance_id}") == []
        tomorrow = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert ids(f"since={tomorrow}") == []
        assert len(ids(f"until={tomorrow}")) == 2

    @pytest.mark.parametrize(
        "query", ["cursor=x", "cursor=MC4", "cursor=%C3%A9", "status=odd", "since=today", "rule=a", "rule=0"]
    )
    def test_refuses_a_parameter_that_is_none_of_its_kind(self, program, query):
        response = program.get(f"executions/?{query}")
        assert response.status_code == 400
        assert errors_of(response).keys() == {query.partition("=")[0]}

    def test_shows_nothing_of_another_account(self, stranger, rule):
        execution = factories.make_execution(rule=rule)
        assert stranger.get("executions/").json()["results"] == []
        for method, act in [
            ("GET", ""),
            ("GET", "jobs/"),
            ("GET", "outcomes/"),
            ("POST", "stop/"),
            ("POST", "retry/"),
        ]:
            assert stranger.ask(method, f"executions/{execution.pk}/{act}").status_code == 404


class TestDetail:
    @pytest.fixture
    def failed(self, rule):
        execution = factories.make_execution(rule=rule, status=Status.FAILED)
        job = factories.make_job(execution=execution, status=Status.FAILED)
        factories.make_outcome(job=job, tag="v1", status="failed", reason="unauthorized")
        factories.make_outcome(job=job, tag="v2", status="copied")
        return execution

    def test_shows_progress_repositories_and_tags(self, program, failed):
        body = program.get(f"executions/{failed.pk}/").json()
        assert body["status"] == "failed"
        assert body["progress"]["repositories"]["failed"] == 1
        jobs = program.get(f"executions/{failed.pk}/jobs/?status=failed").json()
        assert [job["state"] for job in jobs["results"]] == ["failed"]
        outcomes = program.get(f"executions/{failed.pk}/outcomes/").json()["results"]
        assert [row["tag"] for row in outcomes] == ["v2", "v1"]
        only = program.get(f"executions/{failed.pk}/outcomes/?status=failed").json()["results"]
        assert only[0]["reason_text"]

    def test_is_retried(self, program, failed):
        response = program.post(f"executions/{failed.pk}/retry/")
        assert response.status_code == 202
        assert response.json()["status"] == "running"
        assert program.post(f"executions/{failed.pk}/retry/").status_code == 409

    def test_is_stopped(self, program, rule):
        execution = factories.make_execution(rule=rule, status=Status.PENDING)
        factories.make_job(execution=execution, status=Status.PENDING)
        response = program.post(f"executions/{execution.pk}/stop/")
        assert (response.status_code, response.json()["status"]) == (202, "stopped")
        assert program.post(f"executions/{execution.pk}/stop/").status_code == 409


class TestTheLogOfSeveralInstances:
    def test_is_merged_by_the_newest_and_filtered_and_turned(self, program, rule, account):
        other = factories.make_rule(source=factories.make_instance(account=account), target=rule.target)
        foreign = factories.make_execution()
        own = [
            factories.make_execution(rule=rule if number % 3 else other, status=status, trigger=Trigger.PUSH)
            for number, status in enumerate([Status.SUCCEEDED, Status.FAILED, Status.RUNNING] * 4)
        ]
        ids = [execution.pk for execution in own][::-1]
        found, path = [], "executions/?page_size=5"
        while path:
            page = program.get(path).json()
            found += [row["id"] for row in page["results"]]
            path = page["next"] and page["next"].removeprefix("http://testserver")
        assert found == ids
        assert foreign.pk not in found
        failed = program.get("executions/?status=failed").json()["results"]
        assert [row["id"] for row in failed] == [one.pk for one in own[::-1] if one.status == "failed"]
        running = program.get("executions/?status=running").json()["results"]
        assert [row["id"] for row in running] == [one.pk for one in own[::-1] if one.status == "running"]

    def test_is_that_of_all_accounts_for_staff(self, program_of, rule):
        own, foreign = factories.make_execution(rule=rule), factories.make_execution()
        rows = program_of(factories.make_staff()).get("executions/").json()["results"]
        assert [row["id"] for row in rows] == [foreign.pk, own.pk]

    def test_is_empty_without_an_instance(self, stranger):
        assert stranger.get("executions/").json() == {"next": None, "results": []}
