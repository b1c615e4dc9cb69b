"""Requests that no friend would send: each is answered with a problem, and does nothing."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client

from syncjobs.models import Execution, Rule
from tests import factories


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.django_db
class TestPositions:
    @pytest.mark.parametrize(
        "tampered",
        [
            "x",
            "=",
            "%00",
            "é",
            cursor("1"),
            cursor("0.1.2"),
            cursor("0.-1"),
            cursor("0.1 OR 1=1"),
            cursor("0." + "9" * 19),
            cursor("9" * 18 + ".1"),
            cursor("٣.٣"),
        ],
    )
    def test_that_are_no_cursor_are_refused(self, program, tampered):
        for path in ("executions/", "audit/"):
            assert program.get(f"{path}?cursor={tampered}").status_code == 400

    @pytest.mark.parametrize(
        "position", ["0.0", "0.1", f"0.{'9' * 18}", "-9999999999999999.1", "9" * 16 + ".1"]
    )
    def test_anywhere_show_nothing_of_others(self, program, stranger, rule, position):
        factories.make_execution(rule=rule)
        for path in ("executions/", "audit/"):
            answer = stranger.get(f"{path}?cursor={cursor(position)}")
            assert answer.status_code in {200, 400}
            if answer.status_code == 200 and path == "executions/":
                assert answer.json()["results"] == []

    @pytest.mark.parametrize("number", [0, 2**31, 2**63 - 1, 2**63, 10**30])
    def test_beyond_every_row_are_not_found(self, program, number):
        for path in ("rules", "executions", "users", "invitations"):
            assert program.get(f"{path}/{number}/").status_code == 404, path


@pytest.mark.django_db
class TestBodies:
    @pytest.mark.parametrize(
        "body", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'{"name": "\xff"}', b"1e999999"]
    )
    def test_that_cannot_be_read_are_the_callers_fault(self, program, rule, body):
        answer = self.send(program, f"rules/{rule.pk}/", body)
        assert answer.status_code in {400, 422}
        assert answer.headers["Content-Type"] == "application/problem+json"

    def test_that_are_too_large_get_a_problem(self, program, rule):
        body = b" " * (django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        answer = self.send(program, f"rules/{rule.pk}/", body)
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]

    @pytest.mark.parametrize(
        "number", ["1e400", "-1", "9" * 400, "1.5", "true", "null", "[]", "{}", '"\\u0000"']
    )
    def test_with_numbers_that_are_none_name_the_field(self, program, rule, number):
        body = f'{{"sweep_interval_seconds": {number}}}'.encode()
        answer = self.send(program, f"rules/{rule.pk}/", body)
        assert answer.status_code in {200, 400, 422}
        if answer.status_code == 422:
            assert {error["field"] for error in answer.json()["errors"]} == {"sweep_interval_seconds"}

    def send(self, program: Any, path: str, body: bytes) -> Any:
        headers = {"Authorization": f"Bearer {program.text}"}
        return Client().generic("PATCH", f"/api/v1/{path}", body, "application/json", headers=headers)


@pytest.mark.django_db
class TestForeignNames:
    def test_in_filters_find_nothing(self, program, rule):
        foreign = factories.make_execution()
        replica = factories.make_replica()
        for query in (
            f"executions/?rule={foreign.rule_id}",
            f"executions/?source={foreign.source.instance_id}",
            f"executions/?replica={replica.replica_id}",
            f"rules/?source={foreign.source.instance_id}",
            f"replicas/?primary={replica.primary.instance_id}",
        ):
            answer = program.get(query)
            assert answer.json().get("results", []) == [], query

    def test_in_bodies_are_as_good_as_none(self, program, rule):
        foreign = factories.make_instance(name="secret-name")
        nobody = program.patch(f"rules/{rule.pk}/", {"target": "tcr-00000000"})
        answer = program.patch(f"rules/{rule.pk}/", {"target": foreign.instance_id})
        assert answer.json()["errors"] == nobody.json()["errors"]
        assert "secret-name" not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def at_once(self, act: Any) -> list[Any]:
        """Return what two threads get that begin together."""
        barrier = threading.Barrier(2)

        def run(number: int) -> Any:
            barrier.wait(10)
            try:
                return act(number)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(run, range(2)))

    def test_of_one_idempotency_key_start_one_execution(self, program, rule):
        path = f"rules/{rule.pk}/trigger/"
        answers = self.at_once(lambda _number: program.post(path, Idempotency_Key="one"))
        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[0].json()["id"] == answers[1].json()["id"]
        assert sorted("Idempotency-Replayed" in answer.headers for answer in answers) == [False, True]
        assert Execution.objects.count() == 1

    def test_of_two_changes_of_one_version_let_one_through(self, program, rule):
        path = f"rules/{rule.pk}/"
        version = program.get(path).headers["ETag"]
        answers = self.at_once(
            lambda number: program.patch(path, {"description": f"by {number}"}, If_Match=version)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        winner = next(answer for answer in answers if answer.status_code == 200)
        assert Rule.objects.get(pk=rule.pk).description == json.loads(winner.content)["description"]
