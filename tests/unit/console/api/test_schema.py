"""The description of the API: committed as it is served, and shown as a page that loads nothing from elsewhere."""

import re
from pathlib import Path

import pytest
import yaml

from console.api import urls
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db

COMMITTED = Path(__file__).resolve().parents[4] / "docs/reference/openapi.yaml"


@pytest.fixture(scope="module")
def committed():
    return yaml.safe_load(COMMITTED.read_text())


def operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_committed_file_is_what_is_served(program, committed):
    served = yaml.safe_load(program.get("schema/").content)
    assert served == committed, "write it anew: manage.py spectacular --file docs/reference/openapi.yaml"


def test_it_is_openapi_3_1(committed):
    assert committed["openapi"] == "3.1.1"


def test_every_address_of_the_api_is_described(committed):
    routes = {"/api/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(one.pattern)) for one in urls.urlpatterns}
    assert routes - committed["paths"].keys() == {"/api/v1/schema/", "/api/v1/docs/"}


def test_every_operation_has_a_name_a_sentence_and_a_problem(committed):
    found = operations(committed)
    assert len({operation["operationId"] for _path, _method, operation in found}) == len(found) > 50
    for path, method, operation in found:
        assert operation["summary"], (method, path)
        assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_no_answer_has_a_field_for_a_secret_but_those_that_issue_one(committed):
    named = {
        name
        for name, schema in committed["components"]["schemas"].items()
        if {"password", "secret", "target_password", "link"} & schema["properties"].keys()
    }
    issuing = {"IssuedCredential", "IssuedInvitation"}
    assert named == issuing | {"NewInstance", "InstanceChange", "NewRule", "RuleChange"}


def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(page, committed):
    response = page.get("/api/v1/docs/")
    html, text = response.content.decode(), text_of(response)
    for path, method, _operation in operations(committed):
        assert f"{method.upper()} {path}" in text
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", html)
