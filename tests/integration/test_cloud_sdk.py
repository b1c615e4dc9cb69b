"""The unchanged official SDK and command-line client, against a running server with real registries behind it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.tcr.v20190924 import models
from tencentcloud.tcr.v20190924.tcr_client import TcrClient

from tests.fakes import images
from tests.integration.test_cross_tenant import Visitor
from tests.integration.test_push_events import connect, has_tag, tags, until
from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta

pytestmark = [pytest.mark.real_registry, pytest.mark.timeout(300)]

PASSWORD = "correct-horse-7"
SOURCE, TARGET, FOREIGN = "tcr-source01", "tcr-target01", "tcr-foreign1"
CONFLICT = "InternalError.ErrorTcrResourceConflict"
SIGNATURES = ["TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1"]


@dataclass
class Key:
    """An API key of a user, as its page showed it."""

    secret_id: str
    secret_key: str


@dataclass
class Lab:
    """A running Regatta with an account that has two connected instances, and backends in two regions."""

    regatta: Regatta
    source: DockerRegistry
    target: DockerRegistry
    home: DockerRegistry
    away: DockerRegistry
    olivia: Key
    vera: Key
    bob: Key

    @property
    def host(self) -> str:
        """The server's address as SDKs want it."""
        return f"127.0.0.1:{self.regatta.port}"

    def client(
        self,
        key: Key | None = None,
        *,
        signature: str = SIGNATURES[0],
        method: str = "POST",
        region: str = "ap-guangzhou",
        endpoint: str = "",
    ) -> TcrClient:
        """Return the official client; only where the server is differs from any other program's."""
        return TcrClient(self._credential(key), region, self._profile(signature, method, endpoint))

    def common(self, key: Key | None = None) -> CommonClient:
        """Return the official client that sends any JSON, for what the typed one would not send."""
        profile = self._profile(SIGNATURES[0], "POST", "")
        return CommonClient("tcr", "2019-09-24", self._credential(key), "ap-guangzhou", profile=profile)

    def _credential(self, key: Key | None) -> Credential:
        key = key or self.olivia
        return Credential(key.secret_id, key.secret_key)

    def _profile(self, signature: str, method: str, endpoint: str) -> ClientProfile:
        http = HttpProfile(protocol="http", endpoint=endpoint or self.host, reqMethod=method, reqTimeout=60)
        return ClientProfile(signMethod=signature, httpProfile=http, language="en-US")


def declaration(source: DockerRegistry, target: DockerRegistry, home: str, away: str) -> str:
    return f"""
backends:
  - {{code: home, region: ap-guangzhou, endpoint: "{home}"}}
  - {{code: away, region: ap-shanghai, endpoint: "{away}"}}
accounts:
  - uin: "100000000001"
    name: Example
    users:
      - {{username: olivia, password: {PASSWORD}, role: owner}}
      - {{username: vera, password: {PASSWORD}, role: viewer}}
  - uin: "100000000002"
    name: Globex
    users:
      - {{username: bob, password: {PASSWORD}, role: owner}}
instances:
  - {{name: source, account: "100000000001", instance_id: {SOURCE}, edition: premium, region: ap-guangzhou,
      endpoint: "{source.url}"}}
  - {{name: target, account: "100000000001", instance_id: {TARGET}, edition: standard, region: ap-singapore,
      endpoint: "{target.url}", username: {target.username}, password: {target.password}}}
  - {{name: foreign, account: "100000000002", instance_id: {FOREIGN}, edition: standard, region: ap-guangzhou,
      endpoint: "{source.url}"}}
"""


def make_key(regatta: Regatta, login: str) -> Key:
    """Make a key on the page, as a user does."""
    page = Visitor(regatta, login).post("/account/keys/new/", page="/account/keys/")
    found = re.findall(r'<code class="words">(\w{32,36})</code>', page)
    return Key(*found)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        os.environ.pop(name, None)  # the SDK reads them by itself
    with (
        DockerRegistry() as source,
        DockerRegistry("htpasswd") as target,
        DockerRegistry() as home,
        DockerRegistry() as away,
        Regatta() as regatta,
    ):
        regatta.apply(declaration(source, target, home.url, away.url))
        regatta.start_serve()
        connect(regatta, source, "source")
        olivia = make_key(regatta, "olivia@100000000001")
        vera = make_key(regatta, "vera@100000000001")
        bob = make_key(regatta, "bob@100000000002")
        yield Lab(regatta, source, target, home, away, olivia, vera, bob)


def ask(client: TcrClient, action: str, **values: Any) -> Any:
    """Call an action through the typed client."""
    request = getattr(models, f"{action}Request")()
    request.from_json_string(json.dumps(values))
    return getattr(client, action)(request)


def refusal(act: Callable[..., Any], *arguments: Any, **values: Any) -> TencentCloudSDKException:
    with pytest.raises(TencentCloudSDKException) as caught:
        act(*arguments, **values)
    assert caught.value.requestId
    return caught.value


def rule(name: str, **values: Any) -> dict[str, Any]:
    filters = [{"Type": "name", "Value": "team/**"}, {"Type": "tag", "Value": "v*"}]
    return {"Name": name, "DestNamespace": "", "Override": False, "Filters": filters} | values


class TestSignatures:
    @pytest.mark.parametrize("method", ["POST", "GET"])
    @pytest.mark.parametrize("signature", SIGNATURES)
    def test_every_family_and_method_is_taken(self, lab, signature, method):
        answer = ask(
            lab.client(signature=signature, method=method),
            "DescribeInstances",
            Filters=[{"Name": "RegistryName", "Values": ["source", "a b**&=中"]}],
            AllRegion=True,
            Limit=200,
        )
        assert [one.RegistryId for one in answer.Registries] == [SOURCE]
        assert answer.RequestId

    @pytest.mark.parametrize("method", ["POST", "GET"])
    @pytest.mark.parametrize("signature", SIGNATURES)
    def test_every_family_and_method_writes_a_rule(self, lab, signature, method):
        client = lab.client(signature=signature, method=method)
        name = f"by-{signature}-{method}".lower()
        ask(
            client,
            "ManageReplication",
            SourceRegistryId=SOURCE,
            DestinationRegistryId=TARGET,
            Rule=rule(name, Override=True, Deletion=False, Filters=[{"Type": "name", "Value": "by/**"}]),
            DestinationRegionId=9,
        )
        listed = ask(client, "DescribeReplicationPolicies", RegistryId=SOURCE).ReplicationPolicyInfoList
        [found] = [one for one in listed if one.Name == name]
        assert (found.Override, found.Enabled, found.Filters[0].Value) == (True, True, "by/**")
        ask(client, "DeleteReplicationRule", SourceRegistryId=SOURCE, RuleName=name)

    def test_an_unsigned_payload_and_no_region_are_taken(self, lab):
        client = lab.client(region="")
        client.profile.unsignedPayload = True
        assert ask(client, "DescribeInstances").TotalCount == 2

    def test_a_host_with_a_scheme_is_taken_as_it_was_signed(self, lab):
        client = lab.client(endpoint=f"http://{lab.host}")
        assert ask(client, "DescribeRegions").TotalCount > 20

    def test_errors_of_signing_come_through(self, lab):
        good = lab.olivia
        for key, code in [
            (Key(good.secret_id, "wrong"), "AuthFailure.SignatureFailure"),
            (Key("AKIDnobody", "wrong"), "AuthFailure.SecretIdNotFound"),
        ]:
            for signature in SIGNATURES:
                client = lab.client(key, signature=signature)
                assert refusal(ask, client, "DescribeRegions").code == code
        skipping = lab.common()
        refused = refusal(skipping.call_json, "DescribeRegions", {}, options={"SkipSign": True})
        assert refused.code == "AuthFailure.InvalidAuthorization"


class TestRule:
    def test_synchronizes_a_real_push(self, lab):
        client = lab.client()
        ask(
            client,
            "ManageReplication",
            SourceRegistryId=SOURCE,
            DestinationRegistryId=TARGET,
            Rule=rule("on-push"),
            Description="made by the SDK",
        )
        images.push(images.image("pushed"), lab.source.url, "team/app", "v1")
        until(lambda: "v1" in tags(lab.target, "team/app"))

        [policy] = ask(client, "DescribeReplicationPolicies", RegistryId=SOURCE).ReplicationPolicyInfoList
        assert (policy.Name, policy.Description) == ("on-push", "made by the SDK")

        def runs() -> list[Any]:
            listed = ask(client, "DescribeReplicationExecutions", RegistryId=SOURCE, PolicyId=policy.ID)
            found: list[Any] = listed.ReplicationExecutionList
            return found

        until(lambda: all(run.Status == "Succeed" for run in runs()) and bool(runs()))
        [run] = runs()
        assert (run.Total, run.Succeed) == (1, 1)
        tasks = ask(client, "DescribeReplicationTasks", RegistryId=SOURCE, ExecutionId=run.ExecutionID)
        assert [task.SrcResource for task in tasks.ReplicationTaskList] == ["team/app:[v1]"]
        assert tasks.ReplicationTaskList[0].Status == "Succeed"

        ask(client, "ModifyReplication", SourceRegistryId=SOURCE, RuleName="on-push", Rule={"Enabled": False})
        images.push(images.image("unwanted"), lab.source.url, "team/app", "v2")
        time.sleep(2)
        assert tags(lab.target, "team/app") == {"v1"}
        ask(client, "DeleteReplicationRule", SourceRegistryId=SOURCE, RuleName="on-push")
        assert ask(client, "DescribeReplicationPolicies", RegistryId=SOURCE).ReplicationPolicyInfoList == []

    def test_without_a_filter_of_names_synchronizes_every_namespace(self, lab):
        client = lab.client()
        ask(
            client,
            "ManageReplication",
            SourceRegistryId=SOURCE,
            DestinationRegistryId=TARGET,
            Rule=rule("all", Filters=[{"Type": "tag", "Value": "everywhere"}]),
        )
        for repository in ("here/app", "there/deep/app"):
            images.push(images.image(repository), lab.source.url, repository, "everywhere")
            until(partial(has_tag, lab.target, repository, "everywhere"))
        ask(client, "DeleteReplicationRule", SourceRegistryId=SOURCE, RuleName="all")

    def test_errors_are_the_sdks_exceptions(self, lab):
        client, viewer, common = lab.client(), lab.client(lab.vera), lab.common()
        asked = {"SourceRegistryId": SOURCE, "DestinationRegistryId": TARGET}
        cases: list[tuple[TcrClient, dict[str, Any], str]] = [
            (client, asked | {"SourceRegistryId": "tcr-00000000"}, "ResourceNotFound"),
            (client, asked | {"DestinationRegistryId": "tcr-00000000"}, "ResourceNotFound"),
            (client, asked | {"SourceRegistryId": TARGET, "DestinationRegistryId": SOURCE}, CONFLICT),
            (viewer, asked, "UnauthorizedOperation"),
        ]
        back: dict[str, Any] = {
            "SourceRegistryId": TARGET,
            "DestinationRegistryId": SOURCE,
            "Rule": rule("errors"),
        }
        ask(client, "ManageReplication", **back)
        for who, values, code in cases:
            answer = refusal(ask, who, "ManageReplication", **values | {"Rule": rule("errors")})
            assert answer.code == code
        ask(client, "DeleteReplicationRule", SourceRegistryId=TARGET, RuleName="errors")
        wrong: list[tuple[str, dict[str, Any], str]] = [
            ("ManageReplication", {"SourceRegistryId": SOURCE}, "MissingParameter"),
            ("DescribeRegions", {"Nonsense": 1}, "UnknownParameter"),
            ("DescribeInstances", {"Limit": "many"}, "InvalidParameter"),
            ("DescribeNothing", {}, "InvalidAction"),
            ("CreateWebhookTrigger", {}, "UnsupportedOperation"),
            ("ListSkills", {}, "UnsupportedOperation"),
        ]
        for action, values, code in wrong:
            assert refusal(common.call_json, action, values).code == code


class TestHostedInstance:
    def test_lives_and_is_replicated(self, lab):
        client = lab.client()
        assert ask(client, "CheckInstanceName", RegistryName="made-here").DetailCode == 0
        created = ask(client, "CreateInstance", RegistryName="made-here", RegistryType="standard")
        instance_id = created.RegistryId
        assert ask(client, "CheckInstanceName", RegistryName="made-here").DetailCode == 3
        [found] = ask(client, "DescribeInstances", Registryids=[instance_id]).Registries
        assert (found.Status, found.RegionName, found.TagSpecification.Tags) == (
            "Running",
            "ap-guangzhou",
            [],
        )
        region = {"ReplicationRegionId": 4, "ReplicationRegionName": "ap-shanghai"}
        refused = refusal(ask, client, "CreateReplicationInstance", RegistryId=instance_id, **region)
        assert refused.code == "UnsupportedOperation"
        ask(client, "ModifyInstance", RegistryId=instance_id, RegistryType="premium")

        path = found.PublicDomain.partition("/")[2]
        images.push(images.image("kept"), lab.home.url, f"{path}/team/app", "v1")
        replica_id = ask(
            client, "CreateReplicationInstance", RegistryId=instance_id, **region
        ).ReplicationRegistryId
        assert re.fullmatch(rf"{instance_id}-4-[a-z0-9]{{6}}", replica_id)
        [replica] = self.replicas(client, instance_id)
        assert replica.Status == "Deploying"
        refused = refusal(ask, client, "CreateReplicationInstance", RegistryId=instance_id, **region)
        assert refused.code == "InvalidParameter.ReplicationExists"
        until(lambda: [one.Status for one in self.replicas(client, instance_id)] == ["Running"])

        place = {"ReplicationRegistryId": replica_id, "ReplicationRegionId": 4}
        steps = ask(client, "DescribeReplicationInstanceCreateTasks", **place)
        assert (steps.Status, steps.TaskDetail[0].TaskName) == ("SUCCESS", "SyncDBTask")
        status = ask(
            client,
            "DescribeReplicationInstanceSyncStatus",
            RegistryId=instance_id,
            ShowReplicationLog=True,
            **place,
        )
        assert (status.ReplicationStatus, status.ReplicationLog.Source) == ("Succeed", "team/app")
        assert refusal(ask, client, "DeleteInstance", RegistryId=instance_id).code == "OperationDenied"

        ask(client, "DeleteReplicationInstance", RegistryId=instance_id, **place)
        assert {one.Status for one in self.replicas(client, instance_id)} <= {"Deleting"}
        until(lambda: self.replicas(client, instance_id) == [])
        images_of = {"RegistryId": instance_id, "NamespaceName": "team", "RepositoryName": "app"}
        [image] = ask(client, "DescribeImages", **images_of).ImageInfoList
        assert (image.ImageVersion, image.Kind) == ("v1", "image")
        assert refusal(ask, client, "DeleteInstance", RegistryId=instance_id).code == "OperationDenied"
        with httpx.Client(base_url=lab.home.url, trust_env=False) as registry:
            registry.delete(f"/v2/{path}/team/app/manifests/{image.Digest}").raise_for_status()
        ask(client, "DeleteInstance", RegistryId=instance_id, DryRun=True)
        ask(client, "DeleteInstance", RegistryId=instance_id)
        assert ask(client, "DescribeInstances", Registryids=[instance_id]).TotalCount == 0

    def replicas(self, client: TcrClient, instance_id: str) -> list[Any]:
        listed = ask(client, "DescribeReplicationInstances", RegistryId=instance_id, Limit=100)
        found: list[Any] = listed.ReplicationRegistries
        return found


class TestContents:
    def test_are_those_of_the_registry(self, lab):
        client = lab.client()
        pushed = images.multi_platform("shown")
        images.push(pushed, lab.source.url, "shown/deep/app", "v10")
        images.push(images.image("second"), lab.source.url, "shown/deep/app", "v9")
        ask(client, "CreateNamespace", RegistryId=SOURCE, NamespaceName="planned", IsPublic="true")
        listed = ask(client, "DescribeNamespaces", RegistryId=SOURCE, Limit=200)
        known = {one.Name: one.Public for one in listed.NamespaceList}
        assert (known["planned"], known["shown"]) == (True, False)
        repositories = ask(client, "DescribeRepositories", RegistryId=SOURCE, NamespaceName="shown")
        assert [one.Name for one in repositories.RepositoryList] == ["shown/deep/app"]
        place = {"RegistryId": SOURCE, "NamespaceName": "shown", "RepositoryName": "deep/app"}
        found = ask(client, "DescribeImages", **place).ImageInfoList
        assert [one.ImageVersion for one in found] == ["v9", "v10"]
        assert found[1].Digest == pushed.digest
        manifest = ask(client, "DescribeImageManifests", ImageVersion="v9", **place)
        assert json.loads(manifest.Manifest)["schemaVersion"] == 2
        assert json.loads(manifest.Config) is not None
        refused = refusal(ask, client, "DescribeImages", **place | {"RepositoryName": "nothing"})
        assert refused.code == "ResourceNotFound.TcrResourceNotFound"
        refused = refusal(ask, client, "DeleteNamespace", RegistryId=SOURCE, NamespaceName="shown")
        assert refused.code == "FailedOperation.PreconditionFailed"
        ask(client, "ModifyNamespace", RegistryId=SOURCE, NamespaceName="planned", IsPublic=False)
        ask(client, "DeleteNamespace", RegistryId=SOURCE, NamespaceName="planned")

    def test_are_deleted_at_the_registry(self, lab):
        client = lab.client()
        for tag in ("v1", "v2", "v3", "latest"):
            content = images.image("v3" if tag == "latest" else tag)
            images.push(content, lab.source.url, "doomed/app", tag)
        place = {"RegistryId": SOURCE, "NamespaceName": "doomed", "RepositoryName": "app"}
        ask(client, "DeleteRepositoryTags", Tags=["v1"], **place)
        assert tags(lab.source, "doomed/app") == {"v2", "v3", "latest"}
        refused = refusal(ask, client, "DeleteRepositoryTags", Tags=["v3"], **place)
        assert refused.code == "FailedOperation.PreconditionFailed"
        ask(client, "DeleteImage", ImageVersion="v3", **place)
        assert tags(lab.source, "doomed/app") == {"v2"}
        refused = refusal(ask, client, "DeleteImage", ImageVersion="v3", **place)
        assert refused.code == "ResourceNotFound.TcrResourceNotFound"
        refused = refusal(ask, client, "DeleteRepository", ForceDelete=False, **place)
        assert refused.code == "FailedOperation.PreconditionFailed"
        refused = refusal(ask, lab.client(lab.vera), "DeleteRepository", **place)
        assert refused.code == "UnauthorizedOperation"
        ask(client, "DeleteRepository", **place)
        assert tags(lab.source, "doomed/app") == set()


class TestCredentials:
    def test_a_token_opens_an_instance_to_another_account(self, lab):
        client, other = lab.client(), lab.client(lab.bob)
        token = ask(client, "CreateInstanceToken", RegistryId=TARGET, TokenType="longterm", Desc="for bob")
        assert token.Username == "100000000001"
        peer = {
            "PeerRegistryUin": token.Username,
            "PeerRegistryToken": token.Token,
            "EnablePeerReplication": True,
        }
        asked = {
            "SourceRegistryId": FOREIGN,
            "DestinationRegistryId": TARGET,
            "Rule": rule("across", DestNamespace="from-bob"),
        }
        wrong = peer | {"PeerRegistryToken": "wrong"}
        refused = refusal(ask, other, "ManageReplication", PeerReplicationOption=wrong, **asked)
        assert refused.code == "InternalError.ErrorTcrUnauthorized"
        assert refusal(ask, other, "ManageReplication", **asked).code == "ResourceNotFound"
        ask(other, "ManageReplication", PeerReplicationOption=peer, **asked)
        [found] = ask(other, "DescribeReplicationPolicies", RegistryId=FOREIGN).ReplicationPolicyInfoList
        assert found.DestResource.startswith(TARGET)
        place = {"RegistryId": TARGET, "TokenId": token.TokenId}
        ask(client, "ModifyInstanceToken", Enable=False, **place)
        [listed] = ask(client, "DescribeInstanceToken", RegistryId=TARGET).Tokens
        assert (listed.Id, listed.Enabled, listed.Desc) == (token.TokenId, False, "for bob")
        ask(client, "DeleteInstanceToken", **place)
        ask(other, "DeleteReplicationRule", SourceRegistryId=FOREIGN, RuleName="across")

    def test_a_service_account_lives_and_ends(self, lab):
        client, place = lab.client(), {"RegistryId": TARGET}
        permissions = [{"Resource": "team", "Actions": ["tcr:PullRepository", "tcr:PushRepository"]}]
        made = ask(client, "CreateServiceAccount", Name="robot", Permissions=permissions, Duration=1, **place)
        assert (made.Name, made.ExpiresAt > time.time() * 1000) == ("tcr$robot", True)
        ask(client, "ModifyServiceAccount", Name="tcr$robot", Disable=True, **place)
        renewed = ask(client, "ModifyServiceAccountPassword", Name="robot", Random=True, **place)
        assert renewed.Password != made.Password
        [found] = ask(client, "DescribeServiceAccounts", **place).ServiceAccounts
        assert (found.Name, found.Disable) == ("tcr$robot", True)
        ask(client, "DeleteServiceAccount", Name="tcr$robot", **place)
        assert ask(client, "DescribeServiceAccounts", **place).ServiceAccounts == []

    def test_an_instance_of_another_account_is_none(self, lab):
        client = lab.client()
        assert ask(client, "CheckInstance", RegistryId=SOURCE).IsValidated is True
        assert ask(client, "CheckInstance", RegistryId=FOREIGN).IsValidated is False
        known = ask(client, "DescribeInstanceStatus", RegistryIds=[SOURCE, FOREIGN]).RegistryStatusSet
        assert [one.RegistryId for one in known] == [SOURCE]
        assert ask(client, "DescribeInstanceAllNamespaces").RequestId


class TestCommandLineClient:
    def tccli(self, lab: Lab, action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            str(Path(sys.executable).with_name("tccli")),
            *("tcr", action, "--secretId", lab.olivia.secret_id, "--secretKey", lab.olivia.secret_key),
            *("--region", "ap-guangzhou", "--endpoint", f"http://{lab.host}", "--language", "en-US"),
            *arguments,
        ]
        home = {"HOME": str(lab.regatta.directory), "PATH": os.environ["PATH"]}
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=home)

    def test_makes_lists_and_deletes_a_rule(self, lab):
        made = self.tccli(
            lab,
            "ManageReplication",
            *("--SourceRegistryId", SOURCE, "--DestinationRegistryId", TARGET),
            *("--Rule", json.dumps(rule("from-the-shell"))),
        )
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout).keys() == {"RequestId"}
        listed = json.loads(self.tccli(lab, "DescribeReplicationPolicies", "--RegistryId", SOURCE).stdout)
        assert [one["Name"] for one in listed["ReplicationPolicyInfoList"]] == ["from-the-shell"]
        ended = self.tccli(
            lab, "DeleteReplicationRule", "--SourceRegistryId", SOURCE, "--RuleName", "from-the-shell"
        )
        assert ended.returncode == 0, ended.stderr

    def test_shows_an_error_with_its_code(self, lab):
        refused = self.tccli(lab, "DescribeNamespaces", "--RegistryId", "tcr-00000000")
        assert refused.returncode != 0
        assert "ResourceNotFound" in refused.stdout + refused.stderr
