"""The health of backends: what a check stores, when one is due, and who may ask for one."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from registries.models import Backend, Credential, Health, Instance
from registries.services import backend_checks, platform
from tests.factories import make_backend, make_hosted_instance, make_staff, make_user
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db

NOW = timezone.now()
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def registry():
    with FakeRegistry() as running:
        yield running


class TestCheck:
    def test_stores_that_the_backend_answers(self, registry):
        backend = make_backend(endpoint_url=registry.url, health="unhealthy", health_detail="x")
        checked = backend_checks.check(backend=backend, by=make_staff(), now=NOW)
        assert (checked.health, checked.health_detail) == (Health.HEALTHY, "")
        assert (checked.health_checked_at, checked.last_healthy_at) == (NOW, NOW)

    def test_stores_what_went_wrong_and_keeps_when_it_was_well(self):
        well_at = NOW - timedelta(hours=1)
        backend = make_backend(endpoint_url=NOWHERE, last_healthy_at=well_at)
        checked = backend_checks.check(backend=backend, by=None, now=NOW)
        assert (checked.health, checked.last_healthy_at) == (Health.UNHEALTHY, well_at)
        assert checked.health_detail.startswith("unreachable")

    def test_tells_the_hosted_instances_without_the_backends_words(self):
        backend = make_backend(endpoint_url=NOWHERE)
        hosted = make_hosted_instance(backend=backend)
        backend_checks.check(backend=backend, by=None, now=NOW)
        hosted.refresh_from_db()
        assert hosted.health == Health.UNHEALTHY
        assert hosted.health_detail == "The registry of the region does not answer."

    def test_says_when_a_password_cannot_be_opened(self):
        backend = make_backend(endpoint_url=NOWHERE, username="robot", password="secret")
        Credential.objects.update(sealed_password="gone.xxxx")
        checked = backend_checks.check(backend=Backend.objects.get(pk=backend.pk), by=None, now=NOW)
        assert "the stored password cannot be opened" in checked.health_detail

    def test_is_for_staff(self):
        with pytest.raises(PermissionDenied):
            backend_checks.check(backend=make_backend(), by=make_user(), now=NOW)


class TestCheckDue:
    def test_looks_at_each_backend_in_service_once_a_minute(self, registry):
        make_backend(endpoint_url=registry.url)
        make_backend(endpoint_url=NOWHERE)
        make_backend(endpoint_url=NOWHERE, is_active=False)
        assert backend_checks.check_due(now=NOW) == 2
        assert backend_checks.check_due(now=NOW + timedelta(seconds=20)) == 0
        assert backend_checks.check_due(now=NOW + timedelta(seconds=60)) == 2
        assert sorted(Backend.objects.values_list("health", flat=True)) == [
            "healthy",
            "unhealthy",
            "unknown",
        ]


class TestUpdate:
    def test_forgets_the_health_when_the_connection_changes(self):
        backend = make_backend(health="healthy")
        values = {"endpoint_url": "https://elsewhere.example"}
        platform.update_backend(backend=backend, values=values, credential=("", None), by=None, now=NOW)
        backend.refresh_from_db()
        assert backend.health == Health.UNKNOWN

    def test_keeps_it_when_only_the_capacity_changes(self):
        backend = make_backend(health="healthy")
        platform.update_backend(
            backend=backend, values={"capacity": 5}, credential=("", None), by=None, now=NOW
        )
        backend.refresh_from_db()
        assert (backend.health, backend.capacity) == (Health.HEALTHY, 5)
        assert not Instance.objects.exists()
