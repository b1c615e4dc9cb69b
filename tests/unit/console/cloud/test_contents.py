"""Namespaces, repositories and images through the cloud API, of a registry that answers over HTTP."""

import json
from typing import Any

import httpx
import pytest

from registries.models import AuditEvent, Instance, Namespace
from tests import factories
from tests.fakes import images
from tests.fakes.registry import FakeRegistry
from tests.unit.console.cloud.calling import Refused, caller_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        images.push(images.image("one"), registry.url, "team/app", "v10")
        images.push(images.image("two"), registry.url, "team/app", "v9")
        images.push(images.helm_chart(), registry.url, "team/deep/chart", "1.0.0")
        images.push(images.image("one"), registry.url, "web/site", "v10")
        yield registry


@pytest.fixture
def held(registry, account) -> Instance:
    return factories.make_instance(account=account, name="held", endpoint_url=registry.url)


@pytest.fixture
def ask(call, held):
    def act(action, **values):
        return call(action, RegistryId=held.instance_id, **values)

    return act


def refusal(act, *arguments, **options) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*arguments, **options)
    return caught.value


class TestNamespaces:
    def test_are_those_created_here_and_those_of_the_registry(self, ask):
        ask("CreateNamespace", NamespaceName="planned", IsPublic="true")
        answer = ask("DescribeNamespaces", Limit=200, Offset=0)
        assert [(one["Name"], one["Public"]) for one in answer["NamespaceList"]] == [
            ("planned", True),
            ("team", False),
            ("web", False),
        ]
        assert ask("DescribeNamespaces", NamespaceName="ea")["NamespaceList"][0]["Name"] == "team"
        second = ask("DescribeNamespaces", Limit=2, Offset=2)
        assert [one["Name"] for one in second["NamespaceList"]] == ["web"]
        assert second["TotalCount"] == 3
        assert len(ask("DescribeNamespaces", Limit=1, All=True)["NamespaceList"]) == 3
        assert ask("DescribeNamespaces", KmsSignPolicy=True)["TotalCount"] == 0

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"NamespaceName": "a"}, "InvalidParameter.ErrorTcrInvalidParameter"),
            ({"NamespaceName": "two--hyphens"}, "InvalidParameter.ErrorTcrInvalidParameter"),
            ({"NamespaceName": "taken"}, "FailedOperation.ErrorTcrResourceConflict"),
            ({"IsAutoScan": True}, "UnsupportedOperation"),
            ({"Severity": "high"}, "UnsupportedOperation"),
            ({"CVEWhitelistItems": [{"CVEID": "CVE-1"}]}, "UnsupportedOperation"),
        ],
    )
    def test_are_refused_with_the_vendors_codes(self, ask, held, values, code):
        factories.make_namespace(instance=held, name="taken")
        refused = refusal(ask, "CreateNamespace", **{"NamespaceName": "fresh", "IsPublic": False} | values)
        assert refused.code == code

    def test_have_a_quota(self, ask, settings):
        settings.QUOTAS = {**settings.QUOTAS, "standard": settings.QUOTAS["standard"] | {"namespaces": 0}}
        refused = refusal(ask, "CreateNamespace", NamespaceName="fresh", IsPublic=False)
        assert refused.code == "OperationDenied.QuotaOverLimit"

    def test_are_changed_and_deleted_when_empty(self, ask):
        ask("CreateNamespace", NamespaceName="planned", IsPublic=False)
        ask("ModifyNamespace", NamespaceName="planned", IsPublic=True)
        assert Namespace.objects.get().is_public
        ask("DeleteNamespace", NamespaceName="planned")
        assert not Namespace.objects.exists()

    def test_that_hold_something_stay(self, ask):
        refused = refusal(ask, "DeleteNamespace", NamespaceName="team")
        assert refused.code == "FailedOperation.PreconditionFailed"
        assert refusal(ask, "ModifyNamespace", NamespaceName="team").code == "UnsupportedOperation"

    @pytest.mark.parametrize("action", ["ModifyNamespace", "DeleteNamespace"])
    def test_that_are_not_there_are_not_found(self, ask, action):
        refused = refusal(ask, action, NamespaceName="nothing")
        assert refused.code == "ResourceNotFound.TcrResourceNotFound"


class TestRepositories:
    def names(self, ask, **values) -> list[str]:
        return [one["Name"] for one in ask("DescribeRepositories", **values)["RepositoryList"]]

    def test_are_told_by_their_whole_paths(self, ask):
        assert self.names(ask) == ["team/app", "team/deep/chart", "web/site"]
        assert self.names(ask, NamespaceName="team", RepositoryName="deep") == ["team/deep/chart"]
        assert self.names(ask, SortBy="-name", Limit=1, Offset=2) == ["team/deep/chart"]

    def test_have_known_orders(self, ask):
        refused = refusal(ask, "DescribeRepositories", SortBy="colour")
        assert refused.code == "InvalidParameter.ErrorTcrInvalidParameter"


class TestImages:
    PLACE = {"NamespaceName": "team", "RepositoryName": "app"}

    def test_are_told_in_natural_order_with_digest_and_size(self, ask):
        answer = ask("DescribeImages", **self.PLACE)
        assert [one["ImageVersion"] for one in answer["ImageInfoList"]] == ["v9", "v10"]
        expected = images.image("one")
        assert answer["ImageInfoList"][1]["Digest"] == expected.digest
        assert answer["ImageInfoList"][1]["Size"] > 0
        [chart] = ask("DescribeImages", NamespaceName="team", RepositoryName="deep/chart")["ImageInfoList"]
        assert chart["Kind"] == "chart"

    def test_are_found_by_tag_and_digest(self, ask):
        def tags(**values) -> list[str]:
            found = ask("DescribeImages", **self.PLACE, **values)["ImageInfoList"]
            return [one["ImageVersion"] for one in found]

        assert tags(ImageVersion="9") == ["v9"]
        assert tags(ImageVersion="9", ExactMatch=True) == []
        assert tags(Digest=images.image("two").digest) == ["v9"]
        assert tags(Limit=1, Offset=2) == ["v10"]

    def test_of_a_repository_that_is_not_there_are_not_found(self, ask):
        for name in ("nothing", "team/nothing"):
            refused = refusal(ask, "DescribeImages", NamespaceName="team", RepositoryName=name)
            assert refused.code == "ResourceNotFound.TcrResourceNotFound"
        refused = refusal(ask, "DescribeImages", NamespaceName="team", RepositoryName="NO")
        assert refused.code == "InvalidParameter.ErrorTcrInvalidParameter"

    def test_are_shown_with_manifest_and_config(self, ask):
        answer = ask("DescribeImageManifests", ImageVersion="v9", **self.PLACE)
        assert json.loads(answer["Manifest"])["config"]
        assert json.loads(answer["Config"])
        refused = refusal(ask, "DescribeImageManifests", ImageVersion="no", **self.PLACE)
        assert refused.code == "ResourceNotFound.TcrResourceNotFound"


class TestDeletion:
    PLACE = TestImages.PLACE

    @pytest.fixture
    def tags(self, registry):
        def list_tags(repository: str = "team/app") -> list[str]:
            answer = httpx.get(f"{registry.url}/v2/{repository}/tags/list", trust_env=False)
            return sorted(answer.json().get("tags") or [])

        return list_tags

    @pytest.fixture
    def twin(self, registry):
        images.push(images.image("one"), registry.url, "team/app", "latest")

    def test_of_an_image_takes_its_other_tags_along(self, ask, tags, twin, held, owner):
        assert ask("DeleteImage", ImageVersion="v10", **self.PLACE) == {}
        assert tags() == ["v9"]
        event = AuditEvent.objects.get(verb="image.deleted")
        assert (event.actor, event.target_name, event.account) == (owner, "held", held.account)
        digest = images.image("one").digest
        assert event.changes == {"repository": "team/app", "tag": "v10", "digest": digest}
        refused = refusal(ask, "DeleteImage", ImageVersion="v10", **self.PLACE)
        assert refused.code == "ResourceNotFound.TcrResourceNotFound"

    def test_of_tags_takes_no_others(self, ask, tags, twin):
        ask("DeleteRepositoryTags", Tags=["v10", "v9", "v10"], **self.PLACE)
        assert tags() == ["latest"]
        event = AuditEvent.objects.get(verb="image.deleted")
        assert event.changes == {"repository": "team/app", "tags": ["v10", "v9"], "tag_count": 2}

    def test_of_tags_is_refused_where_it_would_take_others(self, registry, ask, tags, twin):
        registry.options.deletes_tags = False
        refused = refusal(ask, "DeleteRepositoryTags", Tags=["v10", "v9"], **self.PLACE)
        assert refused.code == "FailedOperation.PreconditionFailed"
        assert "v10" in refused.message
        assert tags() == ["latest", "v10"]
        assert AuditEvent.objects.get(verb="image.deleted").changes["tags"] == ["v9"]

    def test_of_a_repository_takes_everything(self, ask, tags, twin):
        ask("DeleteRepository", **self.PLACE)
        assert tags() == []
        assert AuditEvent.objects.get(verb="repository.deleted").changes["tag_count"] == 3
        assert tags("team/deep/chart") == ["1.0.0"]
        refused = refusal(ask, "DeleteRepository", **self.PLACE)
        assert refused.code == "ResourceNotFound.TcrResourceNotFound"

    def test_of_a_repository_that_is_not_empty_can_be_kept_from(self, ask, tags):
        refused = refusal(ask, "DeleteRepository", ForceDelete=False, **self.PLACE)
        assert refused.code == "FailedOperation.PreconditionFailed"
        assert tags() == ["v10", "v9"]

    @pytest.mark.parametrize(
        ("action", "values", "code"),
        [
            ("DeleteRepositoryTags", {"Tags": ["v9", "no"]}, "ResourceNotFound.TcrResourceNotFound"),
            ("DeleteRepositoryTags", {"Tags": []}, "InvalidParameter"),
            ("DeleteRepositoryTags", {"Tags": [f"v{n}" for n in range(21)]}, "InvalidParameter"),
            ("DeleteRepositoryTags", {"Tags": ["../v9"]}, "InvalidParameter.ErrorTcrInvalidParameter"),
            ("DeleteImage", {"ImageVersion": ".."}, "InvalidParameter.ErrorTcrInvalidParameter"),
            ("DescribeImageManifests", {"ImageVersion": "a b"}, "InvalidParameter.ErrorTcrInvalidParameter"),
            ("DeleteRepository", {"RepositoryName": "../x"}, "InvalidParameter.ErrorTcrInvalidParameter"),
        ],
    )
    def test_of_what_is_not_there_deletes_nothing(self, ask, tags, action, values, code):
        assert refusal(ask, action, **self.PLACE | values).code == code
        assert tags() == ["v10", "v9"]
        assert not AuditEvent.objects.filter(verb__contains="deleted").exists()

    def test_by_a_registry_that_deletes_nothing_is_unsupported(self, registry, ask, tags):
        registry.options.deletes = False
        asked: dict[str, dict[str, Any]] = {
            "DeleteImage": {"ImageVersion": "v9"},
            "DeleteRepositoryTags": {"Tags": ["v9"]},
            "DeleteRepository": {},
        }
        for action, values in asked.items():
            assert refusal(ask, action, **self.PLACE | values).code == "UnsupportedOperation", action
        assert tags() == ["v10", "v9"]

    def test_is_for_who_manages_the_instance(self, account, held, tags):
        call = caller_for(factories.make_user(account=account, role="operator"))
        place = {"RegistryId": held.instance_id, **self.PLACE}
        assert refusal(call, "DeleteRepository", **place).code == "UnauthorizedOperation"
        assert tags() == ["v10", "v9"]

    def test_at_a_replica_is_not_possible(self, call, held):
        replica = factories.make_replica(primary=held)
        place = {"RegistryId": replica.replica_id, **self.PLACE}
        assert refusal(call, "DeleteRepository", **place).code == "ResourceNotFound"


def test_a_registry_that_is_gone_is_told_as_such(call, account):
    dead = factories.make_instance(account=account, endpoint_url="http://127.0.0.1:9")
    refused = refusal(call, "DescribeRepositories", RegistryId=dead.instance_id)
    assert refused.code == "FailedOperation.DependenceError"


def test_the_vendors_answer_without_fields_has_none(call):
    assert call("DescribeInstanceAllNamespaces", Limit=20, Offset=0) == {}
