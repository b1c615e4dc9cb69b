"""Hosted instances: created in a backend, apart from each other, deleted only when empty."""

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from registries import audit
from registries.forms import InstanceForm
from registries.models import AuditEvent, Edition, Instance
from registries.policies import Refused, UnsupportedRegion
from registries.quotas import QuotaExceeded
from registries.services import connections, instances
from tests.factories import (
    make_account,
    make_backend,
    make_hosted_instance,
    make_namespace,
    make_region,
    make_replica,
    make_user,
)
from tests.fakes import images
from tests.fakes.auth import BasicAuth
from tests.fakes.pushing import push
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def registry():
    with FakeRegistry() as running:
        yield running


@pytest.fixture
def backend(registry):
    return make_backend(region=make_region("ap-shanghai"), endpoint_url=registry.url, health="healthy")


@pytest.fixture
def owner():
    return make_user()


def create(owner, **fields):
    values = {"name": "hosted-one", "edition": Edition.PREMIUM, "region": make_region("ap-shanghai")}
    return instances.create_hosted(account=owner.account, values=values | fields, by=owner, now=NOW)


class TestCreateHosted:
    def test_lives_in_a_backend_of_its_region_under_a_prefix(self, backend, owner):
        hosted = create(owner)
        endpoint = Instance.objects.get(pk=hosted.pk).endpoint()
        assert (endpoint.url, endpoint.prefix) == (backend.endpoint_url, hosted.prefix)
        assert hosted.address == f"{backend.endpoint_url.partition('://')[2]}/{hosted.prefix}"
        assert hosted.health == "healthy"

    def test_notes_neither_prefix_nor_backend_for_the_tenant(self, backend, owner):
        hosted = create(owner)
        event = AuditEvent.objects.get()
        assert event.verb == audit.Verb.INSTANCE_CREATED
        assert event.changes["kind"] == "hosted"
        assert hosted.prefix not in str(event.changes)
        assert backend.code not in str(event.changes)

    def test_speaks_with_the_backends_credential(self, owner):
        make_backend(region=make_region("ap-shanghai"), username="robot", password="of-the-platform")
        endpoint = Instance.objects.get(pk=create(owner).pk).endpoint()
        assert (endpoint.username, endpoint.password) == ("robot", "of-the-platform")

    def test_refuses_a_region_without_room(self, owner):
        with pytest.raises(UnsupportedRegion, match="has no room"):
            create(owner)

    def test_refuses_more_than_the_quota(self, backend, owner, settings):
        settings.QUOTAS = settings.QUOTAS | {"premium": settings.QUOTAS["premium"] | {"instances": 0}}
        with pytest.raises(QuotaExceeded):
            create(owner)

    def test_refuses_operators(self, backend, owner):
        with pytest.raises(PermissionDenied):
            create(make_user(account=owner.account, role="operator"))


class TestOneBackendForMany:
    def test_the_instances_do_not_see_each_other(self, backend, registry, owner):
        one, other = create(owner), create(make_user(), name="hosted-two")
        push(images.image("x"), registry, f"{one.prefix}/project/app", "v1")
        push(images.image("x"), registry, f"{other.prefix}/secret/app", "v1")
        push(images.image("x"), registry, "outside/app", "v1")
        report = connections.test(instance=one, by=owner, now=NOW)
        assert report.failed is None
        words = {step.name: step.words for step in report.steps}
        assert words["catalogue"] == "1 repository on the first page."
        assert "secret" not in str(report)
        assert other.prefix not in str(report)

    def test_a_connection_test_does_not_name_the_backends_account(self):
        with FakeRegistry(auth=BasicAuth("platform-robot", "secret")) as registry:
            place = make_backend(
                region=make_region("ap-shanghai"),
                endpoint_url=registry.url,
                username="platform-robot",
                password="secret",
            )
            hosted = make_hosted_instance(backend=place)
            tenant = make_user(account=hosted.account)
            report = connections.test(instance=hosted, by=tenant, now=NOW)
            of_staff = connections.test(instance=hosted, by=None, now=NOW)
        assert report.failed is None
        assert "platform-robot" not in str(report)
        assert "platform-robot" in str(of_staff)


class TestForm:
    def data(self, **changes):
        return {
            "kind": "hosted",
            "name": "hosted-one",
            "edition": "standard",
            "region": "ap-shanghai",
            "endpoint_url": "",
        } | changes

    def test_creates_a_hosted_instance_and_ignores_a_connection(self, backend, owner):
        data = self.data(endpoint_url="ftp://nonsense", username="robot", ca_pem="none")
        form = InstanceForm(data, account=owner.account, by=owner)
        assert form.is_valid(), form.errors
        hosted = form.save(NOW)
        assert (hosted.kind, hosted.endpoint_url, hosted.backend) == ("hosted", "", backend)
        assert not hasattr(hosted, "credential")

    def test_says_at_the_region_that_there_is_no_room(self, owner):
        form = InstanceForm(self.data(), account=owner.account, by=owner)
        assert list(form.errors) == ["region"]
        assert "has no room" in str(form.errors)

    def test_still_needs_an_endpoint_for_a_connected_one(self, owner):
        form = InstanceForm(self.data(kind="connected"), account=owner.account, by=owner)
        assert "endpoint_url" in form.errors

    def test_refuses_another_region_for_a_hosted_one(self, backend, owner):
        hosted = make_hosted_instance(backend=backend, account=owner.account, name="hosted-one")
        data = self.data(region="ap-guangzhou")
        form = InstanceForm(data, account=owner.account, by=owner, instance=hosted)
        assert list(form.errors) == ["region"]

    def test_refuses_another_region_for_a_primary(self, owner):
        replica = make_replica()
        region = make_region("ap-shanghai")
        with pytest.raises(Refused, match="has replicas: its region cannot be changed"):
            instances.update(
                instance=replica.primary,
                values={"region": region},
                username="",
                password=None,
                by=None,
                now=NOW,
            )


class TestDelete:
    @pytest.fixture
    def hosted(self, backend):
        return make_hosted_instance(backend=backend, account=make_account())

    def test_goes_when_it_is_empty(self, hosted, registry):
        push(images.image("x"), registry, "outside/app", "v1")
        instances.delete(instance=hosted, by=None, now=NOW)
        assert not Instance.objects.exists()

    def test_names_the_namespaces_that_hold_images(self, hosted, registry):
        push(images.image("x"), registry, f"{hosted.prefix}/project/app", "v1")
        push(images.image("x"), registry, f"{hosted.prefix}/other/app", "v1")
        with pytest.raises(Refused, match="images in these namespaces: other, project") as caught:
            instances.delete(instance=hosted, by=None, now=NOW)
        assert hosted.prefix not in str(caught.value)
        assert Instance.objects.exists()

    def test_stays_when_nobody_can_tell(self, registry):
        hosted = make_hosted_instance(backend=make_backend(endpoint_url="http://127.0.0.1:9"))
        with pytest.raises(Refused, match="Nobody can tell now"):
            instances.delete(instance=hosted, by=None, now=NOW)

    def test_names_images_beside_everything_else(self, hosted, registry):
        push(images.image("x"), registry, f"{hosted.prefix}/project/app", "v1")
        make_replica(primary=hosted)
        with pytest.raises(Refused, match=r"has 1 replica .+ images in these namespaces: project\."):
            instances.delete(instance=hosted, by=None, now=NOW)

    def test_names_created_namespaces(self, hosted):
        make_namespace(instance=hosted, name="project")
        with pytest.raises(Refused, match="has namespaces: project"):
            instances.delete(instance=hosted, by=None, now=NOW)

    def test_names_the_regions_of_replicas(self, hosted):
        replica = make_replica(primary=hosted)
        with pytest.raises(Refused, match=f"1 replica \\({replica.region.name_en}\\)"):
            instances.delete(instance=hosted, by=None, now=NOW)

    def test_goes_once_protection_is_off(self, hosted):
        hosted.is_deletion_protected = True
        hosted.save()
        with pytest.raises(Refused, match="Deletion protection is on"):
            instances.delete(instance=hosted, by=None, now=NOW)
