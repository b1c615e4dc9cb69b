"""Backends with a capacity, hosted instances and replicas in declarative files."""

import pytest

from registries.models import Backend, Health, Instance, Replica, ReplicaStatus
from syncjobs.models import Execution
from tests import factories
from tests.unit.console.apply.conftest import changed_fields, statuses

pytestmark = pytest.mark.django_db

FILE = """\
backends:
  - {code: gz, region: ap-guangzhou, endpoint: "http://127.0.0.1:5001", capacity: 3}
  - {code: sh, region: ap-shanghai, endpoint: "http://127.0.0.1:5002"}
accounts: [{uin: "100000000001", name: Acme}]
instances:
  - {name: hosted, account: "100000000001", region: ap-guangzhou, kind: hosted, edition: premium}
replicas:
  - {primary: hosted, region: ap-shanghai}
"""


class TestBackends:
    def test_changes_the_capacity(self, apply_text):
        apply_text(FILE)
        assert Backend.objects.get(code="gz").capacity == 3
        report = apply_text(FILE.replace(", capacity: 3", ""))
        assert changed_fields(report) == {"gz": ("capacity",)}
        assert Backend.objects.get(code="gz").capacity is None

    def test_leaves_a_backend_out_of_service_where_it_is(self, apply_text):
        apply_text(FILE)
        Backend.objects.filter(code="gz").update(is_active=False)
        apply_text(FILE)
        assert not Backend.objects.get(code="gz").is_active

    @pytest.mark.parametrize("capacity", ["-1", "many"])
    def test_refuses_a_capacity_that_is_none(self, refusal, capacity):
        (problem, *_others) = refusal(FILE.replace("capacity: 3", f"capacity: {capacity}"))
        assert problem.startswith("f:2: backends[0].capacity:")


class TestHostedInstances:
    def test_lives_under_a_prefix_of_the_backend(self, apply_text):
        report = apply_text(FILE)
        hosted = Instance.objects.get()
        assert (hosted.kind, hosted.backend) == ("hosted", Backend.objects.get(code="gz"))
        assert hosted.prefix
        assert statuses(report)["instance 100000000001/hosted"] == "created"
        assert set(statuses(apply_text(FILE)).values()) == {"unchanged"}

    @pytest.mark.parametrize("key", ["endpoint: x.org", "username: robot", "insecure: true"])
    def test_refuses_a_connection(self, refusal, key):
        problems = refusal(FILE.replace("kind: hosted", f"kind: hosted, {key}"))
        assert problems[0].startswith(f"f:6: instances[0].{key.partition(':')[0]}: A hosted instance has no")
        assert len(problems) == 1

    def test_refuses_a_connected_instance_without_an_endpoint(self, refusal):
        problems = refusal(FILE.replace(", kind: hosted", ""))
        assert problems == ["f:6: instances[0].endpoint: This key is missing or empty."]

    def test_refuses_a_region_without_room(self, refusal):
        problems = refusal(FILE.replace("region: ap-guangzhou, kind", "region: ap-tokyo, kind"))
        assert len(problems) == 1
        assert problems[0].startswith(
            "f:6: instances[0].region: The region Northeast Asia (Tokyo) has no room"
        )

    def test_refuses_to_host_what_is_connected(self, refusal, apply_text):
        account = factories.make_account(uin="100000000001", name="Acme")
        factories.make_instance(account=account, name="hosted")
        assert "instances[0].kind: This instance is connected, which cannot be changed." in refusal(FILE)[0]


class TestReplicas:
    def test_creates_the_replica_and_opens_its_back_fill(self, apply_text):
        report = apply_text(FILE)
        replica = Replica.objects.get()
        assert (replica.backend.code, replica.status) == ("sh", ReplicaStatus.DEPLOYING)
        assert Execution.objects.get().replica == replica
        assert [change.id for change in report.changes if change.kind == "replica"] == [replica.replica_id]

    def test_leaves_a_replica_that_is_there_alone(self, apply_text):
        apply_text(FILE)
        assert statuses(apply_text(FILE))["replica 100000000001/hosted/ap-shanghai"] == "unchanged"
        assert Execution.objects.count() == 1

    @pytest.mark.parametrize(
        ("region", "words"),
        [
            ("ap-guangzhou", "cannot be in the same region"),
            ("ap-singapore", "Cross-border instance replication is not supported"),
            ("ap-beijing", "has no room"),
            ("mars", "There is no region “mars”."),
        ],
    )
    def test_refuses_a_region_with_the_reason(self, refusal, region, words):
        (problem,) = refusal(FILE.replace("hosted, region: ap-shanghai", f"hosted, region: {region}"))
        assert problem.startswith("f:8: replicas[0].region: ")
        assert words in problem

    def test_refuses_an_edition_without_replicas(self, refusal):
        (problem,) = refusal(FILE.replace("premium", "standard"))
        assert problem.startswith("f:8: replicas[0].primary: Instance replication needs the premium edition")

    def test_refuses_a_region_in_which_one_is_being_deleted(self, apply_text, refusal):
        apply_text(FILE)
        Replica.objects.update(status=ReplicaStatus.DELETING)
        (problem,) = refusal(FILE)
        assert "is still being deleted" in problem

    def test_refuses_a_backend_that_is_ill(self, apply_text, refusal):
        apply_text(FILE.partition("replicas:")[0])
        Backend.objects.filter(code="sh").update(health=Health.UNHEALTHY)
        (problem,) = refusal(FILE)
        assert "has no room" in problem
