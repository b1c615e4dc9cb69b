"""Instances over the API: the form of the console, the registry's content, credentials, namespaces, hooks."""

import pytest

from registries.models import AccessCredential, Instance, Namespace
from tests import factories
from tests.fakes import images
from tests.fakes.registry import FakeRegistry
from tests.unit.console.api.conftest import errors_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def registry(source):
    with FakeRegistry() as registry:
        Instance.objects.filter(pk=source.pk).update(endpoint_url=registry.url)
        yield registry


def path_of(instance, act: str = "") -> str:
    return f"instances/{instance.instance_id}/{act}"


class TestInstances:
    def test_are_created_once_their_connection_works(self, program, account):
        with FakeRegistry() as registry:
            new = {
                "name": "branch",
                "region": "ap-guangzhou",
                "endpoint_url": registry.url,
                "edition": "premium",
            }
            response = program.post("instances/", new)
        assert response.status_code == 201, response.content
        assert response.json()["address"] == registry.url.removeprefix("http://")
        assert Instance.objects.get(name="branch").account == account

    def test_are_refused_with_the_field_at_fault(self, program):
        new = {"name": "branch", "region": "nowhere", "endpoint_url": "ftp://x"}
        assert errors_of(program.post("instances/", new)).keys() == {"region", "endpoint_url"}

    def test_show_no_password(self, program, account):
        instance = factories.make_instance(account=account, username="robot", password="very-secret-1")
        text = program.get(path_of(instance)).content.decode()
        assert '"robot"' in text
        assert "very-secret-1" not in text

    def test_keep_what_a_change_does_not_name(self, program, account):
        instance = factories.make_instance(account=account, username="robot", password="very-secret-1")
        response = program.patch(path_of(instance), {"name": "renamed", "requests_per_second": 5})
        assert response.status_code == 200, response.content
        instance.refresh_from_db()
        assert (instance.name, instance.requests_per_second) == ("renamed", 5)
        assert instance.credential.open_password() == "very-secret-1"

    def test_want_the_password_again_for_another_address(self, program, account):
        instance = factories.make_instance(account=account, username="robot", password="very-secret-1")
        change = {"endpoint_url": "https://elsewhere.example.com", "skip_check": True}
        assert errors_of(program.patch(path_of(instance), change)).keys() == {"password"}

    def test_are_listed_filtered(self, program, source, target):
        names = lambda query: [row["name"] for row in program.get(f"instances/?{query}").json()["results"]]  # noqa: E731
        assert names("") == ["source", "target"]
        assert names("edition=premium") == ["source"]
        assert names("search=targ") == ["target"]

    def test_are_deleted_unless_something_uses_them(self, program, rule):
        refused = program.delete(path_of(rule.source))
        assert (refused.status_code, rule.name in refused.json()["detail"]) == (409, True)
        rule.delete()
        assert program.delete(path_of(rule.source)).status_code == 204

    def test_are_tested_step_by_step(self, program, source, registry):
        body = program.post(path_of(source, "connection-test/")).json()
        assert body["is_ok"] is True
        assert body["steps"][0]["name"] == "address"

    def test_tell_how_their_registry_sends_events(self, program, source):
        first = program.get(path_of(source, "hook/"))
        assert first.headers["Cache-Control"] == "no-store"
        assert first.json()["url"].endswith(f"/hooks/registries/{source.instance_id}")
        assert program.get(path_of(source, "hook/")).json() == first.json()
        assert program.post(path_of(source, "hook/")).json()["authorization"] != first.json()["authorization"]


class TestContent:
    def test_is_read_live_and_paged(self, program, source, registry):
        for name in ("team/app", "team/base", "team/tool"):
            images.push(images.image(name), registry, name, "v1.0")
        first = program.get(path_of(source, "repositories/?page_size=2")).json()
        assert [row["name"] for row in first["results"]] == ["team/app", "team/base"]
        second = program.get(first["next"].removeprefix("http://testserver")).json()
        assert ([row["name"] for row in second["results"]], second["next"]) == (["team/tool"], None)

    def test_lists_tags_in_natural_order_with_what_they_name(self, program, source, registry):
        for tag in ("v1.10", "v1.9", "v1.2"):
            images.push(images.image(tag), registry, "team/app", tag)
        body = program.get(path_of(source, "tags/?repository=team/app&page_size=2")).json()
        assert (body["count"], [row["tag"] for row in body["results"]]) == (3, ["v1.2", "v1.9"])
        assert body["results"][0]["digest"].startswith("sha256:")
        assert body["next"].endswith("start=2")

    def test_says_so_if_the_registry_does_not_answer(self, program, source):
        response = program.get(path_of(source, "repositories/"))
        assert response.status_code == 502
        assert "127.0.0.1" not in response.json()["detail"]

    @pytest.mark.parametrize("query", ["", "?repository=UPPER", "?repository=../x", "?repository=a&start=-1"])
    def test_is_not_asked_for_what_is_no_repository(self, program, source, query):
        assert program.get(path_of(source, f"tags/{query}")).status_code == 400


class TestNamespaces:
    def test_are_created_shown_and_forgotten(self, program, source):
        assert program.post(path_of(source, "namespaces/"), {"name": "team"}).status_code == 201
        again = program.post(path_of(source, "namespaces/"), {"name": "team"})
        assert errors_of(again).keys() == {"name"}
        assert program.get(path_of(source, "namespaces/")).json()["count"] == 1
        assert program.delete(path_of(source, "namespaces/team/")).status_code == 204
        assert not Namespace.objects.exists()


class TestCredentials:
    def test_show_their_secret_once(self, program, source):
        issued = program.post(path_of(source, "credentials/"), {"description": "for the branch"})
        secret, token_id = issued.json()["secret"], issued.json()["token_id"]
        assert issued.headers["Cache-Control"] == "no-store"
        shown = program.get(path_of(source, f"credentials/{token_id}/"))
        assert secret not in shown.content.decode()
        assert AccessCredential.objects.get().has_secret(secret)

    def test_are_of_service_level_with_permissions(self, program, source):
        new = {"username": "ci", "permissions": {"team": ["pull", "push"], "*": ["pull"]}}
        body = program.post(path_of(source, "credentials/"), new).json()
        assert (body["kind"], body["username"]) == ("service", "tcr$ci")
        assert body["permissions"] == new["permissions"]
        changed = program.patch(
            path_of(source, f"credentials/{body['token_id']}/"), {"permissions": {"team": ["pull"]}}
        )
        assert changed.json()["permissions"] == {"team": ["pull"]}
        assert changed.json()["state"] == "usable"

    @pytest.mark.parametrize("wrong", [{"team": "pull"}, {"team": ["delete"]}, ["team: pull"], "team: pull"])
    def test_want_permissions_of_the_right_shape(self, program, source, wrong):
        response = program.post(path_of(source, "credentials/"), {"username": "ci", "permissions": wrong})
        assert errors_of(response).keys() == {"permissions"}

    def test_choose_no_secret(self, program, source):
        response = program.post(path_of(source, "credentials/"), {"secret": "mine"})
        assert errors_of(response).keys() == {"secret"}

    def test_are_switched_and_deleted(self, program, source):
        token_id = factories.make_access_credential(instance=source).token_id
        path = path_of(source, f"credentials/{token_id}/")
        assert program.post(f"{path}disable/").json()["state"] == "disabled"
        assert program.post(f"{path}enable/").json()["state"] == "usable"
        assert program.delete(path).status_code == 204
        assert program.get(path).status_code == 404


class TestForeign:
    def test_objects_do_not_exist(self, stranger, source):
        token_id = factories.make_access_credential(instance=source).token_id
        for act in ("", "hook/", "repositories/", "tags/", "namespaces/", f"credentials/{token_id}/"):
            assert stranger.get(path_of(source, act)).status_code == 404
        for act in (
            "connection-test/",
            "hook/",
            "credentials/",
            "namespaces/",
            "replicas/",
            "rules/preview/",
        ):
            assert stranger.post(path_of(source, act), {}).status_code == 404
        assert stranger.patch(path_of(source), {}).status_code == 404
        assert stranger.delete(path_of(source)).status_code == 404

    def test_a_credential_is_found_at_its_own_instance_only(self, program, source, target):
        token_id = factories.make_access_credential(instance=source).token_id
        assert program.get(path_of(target, f"credentials/{token_id}/")).status_code == 404
