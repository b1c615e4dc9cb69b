"""Rules over the API: the same form and services as the pages, ETags, and keys that make a trigger safe to repeat."""

import pytest

from registries.models import AuditEvent, Instance
from syncjobs.models import Execution, Rule
from syncjobs.services import rules as rule_services
from tests import factories
from tests.fakes import images
from tests.fakes.registry import FakeRegistry
from tests.unit.console.api.conftest import errors_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def new_rule(target):
    return {"name": "nightly", "namespace": "team", "target": target.instance_id}


def create_path(source) -> str:
    return f"instances/{source.instance_id}/rules/"


def path_of(rule: Rule, act: str = "") -> str:
    return f"rules/{rule.pk}/{act}"


class TestCreate:
    def test_stores_what_the_form_of_the_console_would(self, program, source, target, new_rule, owner):
        response = program.post(
            create_path(source), new_rule | {"schedule": "0 3 * * *", "bandwidth": "5 MB/s"}
        )
        rule = Rule.objects.get(name="nightly")
        body = response.json()
        assert response.status_code == 201
        assert response.headers["Location"] == f"/api/v1/rules/{rule.pk}/"
        assert response.headers["ETag"].startswith('"')
        assert body["id"] == rule.pk
        assert (body["source"], body["target"]) == (source.instance_id, target.instance_id)
        assert body["bandwidth"] == rule.bandwidth == 5_000_000
        assert body["is_enabled"] is rule.is_push_triggered is rule.with_referrers is True
        assert body["next_run_at"].endswith("Z")
        assert AuditEvent.objects.get(verb="rule.created").actor == owner

    @pytest.mark.parametrize(
        ("filter_text", "syntax"), [("app-*", "pattern"), ("^app-.*$", "regex"), ("", "pattern")]
    )
    def test_reads_a_filter_without_a_syntax_as_what_it_looks_like(
        self, program, source, new_rule, filter_text, syntax
    ):
        body = program.post(create_path(source), new_rule | {"repository": filter_text}).json()
        assert body["syntax"] == syntax

    def test_names_every_field_at_fault(self, program, source, new_rule):
        wrong = new_rule | {"name": "No Name", "tag": "{a", "schedule": "never"}
        response = program.post(create_path(source), wrong)
        assert response.status_code == 422
        assert errors_of(response).keys() == {"name", "tag", "schedule"}
        assert not Rule.objects.exists()

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"nmae": "x"}, "nmae"),
            ({"override": "yes"}, "override"),
            ({"name": 5}, "name"),
            ({"retry_window_seconds": True}, "retry_window_seconds"),
            ({"target": None}, "target"),
        ],
    )
    def test_takes_no_unknown_key_and_no_value_of_another_type(
        self, program, source, new_rule, change, field
    ):
        response = program.post(create_path(source), new_rule | change)
        assert response.status_code == 422
        assert errors_of(response).keys() == {field}

    def test_says_nothing_of_a_foreign_instance(self, program, source, new_rule):
        foreign = factories.make_instance()
        response = program.post(create_path(source), new_rule | {"target": foreign.instance_id})
        assert errors_of(response) == {"target": "There is no such instance."}

    def test_copies_to_another_account_with_its_credential_and_shows_no_password(
        self, program, source, new_rule
    ):
        foreign = factories.make_instance(name="their-name")
        factories.make_access_credential(instance=foreign)
        response = program.post(
            create_path(source),
            new_rule
            | {
                "target": "",
                "is_cross_tenant": True,
                "target_instance_id": foreign.instance_id,
                "target_username": foreign.account.uin,
                "target_password": factories.PASSWORD,
            },
        )
        assert response.status_code == 201, response.content
        text = program.get(path_of(Rule.objects.get())).content.decode()
        assert foreign.instance_id in text
        assert factories.PASSWORD not in text
        assert "their-name" not in text
        assert response.json()["target"] is None

    def test_is_refused_to_a_viewer(self, viewer, source, new_rule):
        assert viewer.post(create_path(source), new_rule).status_code == 403
        assert not Rule.objects.exists()


class TestList:
    def test_filters_orders_and_pages(self, program, source, target):
        for name in ("alpha", "beta", "gamma"):
            factories.make_rule(source=source, target=target, name=name, is_enabled=name != "beta")
        factories.make_rule()
        names = lambda query: [row["name"] for row in program.get(f"rules/{query}").json()["results"]]  # noqa: E731
        assert names("") == ["alpha", "beta", "gamma"]
        assert names("?ordering=-name") == ["gamma", "beta", "alpha"]
        assert names("?is_enabled=false") == ["beta"]
        assert names("?search=amm") == ["gamma"]
        assert names(f"?source={target.instance_id}") == []
        first = program.get("rules/?page_size=2").json()
        assert (first["count"], len(first["results"]), first["previous"]) == (3, 2, None)
        second = program.get(first["next"].removeprefix("http://testserver")).json()
        assert [row["name"] for row in second["results"]] == ["gamma"]
        assert second["next"] is None

    def test_costs_the_same_however_many_rules_there_are(
        self, program, source, target, django_assert_max_num_queries
    ):
        for number in range(30):
            rule = factories.make_rule(source=source, target=target, name=f"rule-{number}")
            factories.make_execution(rule=rule)
        with django_assert_max_num_queries(12):
            rows = program.get("rules/").json()["results"]
        assert all(row["last_execution"]["id"] for row in rows)

    @pytest.mark.parametrize("query", ["page=0", "page_size=1000", "ordering=password", "is_enabled=maybe"])
    def test_refuses_a_parameter_that_is_none_of_its_kind(self, program, query):
        response = program.get(f"rules/?{query}")
        assert response.status_code == 400
        assert errors_of(response).keys() == {query.partition("=")[0]}


class TestChange:
    def test_changes_what_is_given_and_keeps_the_rest(self, program, rule):
        before = dict(Rule.objects.values().get(pk=rule.pk))
        response = program.patch(path_of(rule), {"description": "for releases"})
        after = dict(Rule.objects.values().get(pk=rule.pk))
        assert response.status_code == 200
        assert dict(after.items() - before.items()).keys() == {"description", "updated_at"}

    def test_refuses_a_version_that_was_changed_meanwhile(self, program, rule):
        etag = program.get(path_of(rule)).headers["ETag"]
        assert program.patch(path_of(rule), {"description": "first"}, If_Match=etag).status_code == 200
        late = program.patch(path_of(rule), {"description": "second"}, If_Match=etag)
        assert late.status_code == 412
        assert program.delete(path_of(rule), If_Match=etag).status_code == 412
        assert Rule.objects.get(pk=rule.pk).description == "first"

    def test_takes_a_change_without_a_version_or_of_any(self, program, rule):
        assert program.patch(path_of(rule), {"description": "first"}).status_code == 200
        assert program.patch(path_of(rule), {"description": "second"}, If_Match="*").status_code == 200

    def test_answers_a_known_version_without_a_body(self, program, rule):
        etag = program.get(path_of(rule)).headers["ETag"]
        known = program.get(path_of(rule), If_None_Match=etag)
        assert (known.status_code, known.content) == (304, b"")
        program.post(path_of(rule, "disable/"))
        assert program.get(path_of(rule), If_None_Match=etag).status_code == 200

    def test_keeps_its_version_while_only_its_next_run_moves(self, program, rule):
        etag = program.get(path_of(rule)).headers["ETag"]
        Rule.objects.filter(pk=rule.pk).update(next_run_at="2030-01-01T00:00:00Z")
        assert program.get(path_of(rule)).headers["ETag"] == etag

    def test_changes_nothing_if_one_field_is_wrong(self, program, rule):
        response = program.patch(path_of(rule), {"description": "new", "time_zone": "Mars"})
        assert errors_of(response).keys() == {"time_zone"}
        assert Rule.objects.get(pk=rule.pk).description == ""

    def test_deletes(self, program, rule):
        etag = program.get(path_of(rule)).headers["ETag"]
        assert program.delete(path_of(rule), If_Match=etag).status_code == 204
        assert not Rule.objects.exists()

    def test_switches(self, program, rule):
        assert program.post(path_of(rule, "disable/")).json()["is_enabled"] is False
        assert program.post(path_of(rule, "enable/")).json()["is_enabled"] is True


class TestTrigger:
    def test_starts_an_execution(self, program, rule, owner):
        response = program.post(path_of(rule, "trigger/"))
        execution = Execution.objects.get()
        assert response.status_code == 202
        assert response.headers["Location"] == f"/api/v1/executions/{execution.pk}/"
        assert response.json()["id"] == execution.pk
        assert execution.started_by == owner

    def test_says_why_not(self, program, rule):
        Rule.objects.filter(pk=rule.pk).update(is_enabled=False)
        response = program.post(path_of(rule, "trigger/"))
        assert response.status_code == 409
        assert response.json()["detail"] == "The rule is disabled. Enable it before you trigger it."

    def test_does_nothing_twice_under_one_key(self, program, rule):
        first = program.post(path_of(rule, "trigger/"), Idempotency_Key="release-7")
        second = program.post(path_of(rule, "trigger/"), Idempotency_Key="release-7")
        assert (first.status_code, second.status_code) == (202, 202)
        assert first.json() == second.json()
        assert second.headers["Location"] == first.headers["Location"]
        assert "Idempotency-Replayed" not in first.headers
        assert second.headers["Idempotency-Replayed"] == "true"
        assert Execution.objects.count() == 1

    def test_refuses_the_key_of_another_request(self, program, rule, source, target):
        other = factories.make_rule(source=source, target=target)
        program.post(path_of(rule, "trigger/"), Idempotency_Key="release-7")
        assert program.post(path_of(other, "trigger/"), Idempotency_Key="release-7").status_code == 422
        with_body = program.post(path_of(rule, "trigger/"), {"x": 1}, Idempotency_Key="release-7")
        assert with_body.status_code == 422
        assert Execution.objects.count() == 1

    def test_keeps_no_refusal_under_a_key(self, program, rule, owner):
        Rule.objects.filter(pk=rule.pk).update(is_enabled=False)
        assert program.post(path_of(rule, "trigger/"), Idempotency_Key="release-7").status_code == 409
        rule.refresh_from_db()
        rule_services.set_enabled(rule=rule, is_enabled=True, by=owner, now=rule.created_at)
        assert program.post(path_of(rule, "trigger/"), Idempotency_Key="release-7").status_code == 202

    def test_keeps_the_keys_of_users_apart(self, program, program_of, rule, account):
        program.post(path_of(rule, "trigger/"), Idempotency_Key="release-7")
        colleague = program_of(factories.make_user(account=account, role="owner"))
        assert colleague.post(path_of(rule, "trigger/"), Idempotency_Key="release-7").status_code == 409

    @pytest.mark.parametrize("key", ["", "k" * 201, "two words"])
    def test_refuses_a_key_that_is_none(self, program, rule, key):
        assert program.post(path_of(rule, "trigger/"), Idempotency_Key=key).status_code == 400


class TestPreview:
    @pytest.fixture
    def registries(self, source, target):
        with FakeRegistry() as here, FakeRegistry() as there:
            Instance.objects.filter(pk=source.pk).update(endpoint_url=here.url)
            Instance.objects.filter(pk=target.pk).update(endpoint_url=there.url)
            images.push(images.image("new"), here, "team/app", "v1.0")
            yield

    def test_tells_what_a_stored_rule_would_do(self, program, source, target, registries):
        rule = factories.make_rule(source=source, target=target, namespace="team")
        body = program.post(path_of(rule, "preview/")).json()
        assert (body["is_complete"], body["tags"]["new"]) == (True, 1)
        assert body["lines"][0]["source"] == "team/app:v1.0"

    def test_tells_what_a_new_rule_would_do_and_stores_nothing(self, program, source, new_rule, registries):
        body = program.post(f"{create_path(source)}preview/", new_rule).json()
        assert body["tags"]["new"] == 1
        assert not Rule.objects.exists()


class TestForeign:
    def test_rules_do_not_exist(self, stranger, rule):
        assert stranger.get("rules/").json()["results"] == []
        for method, act in [
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "enable/"),
            ("POST", "disable/"),
            ("POST", "trigger/"),
            ("POST", "preview/"),
        ]:
            assert stranger.ask(method, path_of(rule, act)).status_code == 404
        assert stranger.post(create_path(rule.source)).status_code == 404
