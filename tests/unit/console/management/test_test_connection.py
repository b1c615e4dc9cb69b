"""`manage.py test_connection` as an operator and a program see it."""

import pytest

from registries.services import connections
from tests.factories import make_instance
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db


def test_passes_at_a_registry_that_works(run):
    with FakeRegistry() as registry:
        instance = make_instance(endpoint_url=registry.url)
        result = run("test_connection", instance.instance_id, "--json")
    assert result.code == 0
    assert result.document["is_ok"] is True
    assert [step["name"] for step in result.document["steps"]] == list(connections.STEPS)
    assert {step["status"] for step in result.document["steps"]} == {"ok", "skipped"}


def test_fails_with_one_and_says_where(run):
    instance = make_instance(endpoint_url="http://127.0.0.1:9")
    result = run("test_connection", instance.instance_id)
    assert result.code == 1
    assert "failed  Connection" in result.output
    assert run("test_connection", instance.instance_id, "--json").document["is_ok"] is False


def test_refuses_an_unknown_name_with_two(run):
    result = run("test_connection", "nowhere")
    assert result.code == 2
    assert "no such instance" in result.errors
