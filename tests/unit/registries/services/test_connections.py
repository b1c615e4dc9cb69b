"""A connection test says step by step what it met with, and never the secret."""

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from registries.models import Health, Instance, Role
from registries.services import connections
from registries.services.connections import ConnectionTest, Step
from tests.factories import make_instance, make_user
from tests.servers.docker_registry import DockerRegistry

pytestmark = [pytest.mark.django_db, pytest.mark.real_registry]

SECRET = "s3cret-of-registry"


@pytest.fixture(scope="module", params=["anonymous", "htpasswd", "token"])
def registry(request):
    with DockerRegistry(request.param, username="robot", password=SECRET) as running:
        yield running


def run(instance: Instance) -> ConnectionTest:
    return connections.test(instance=instance, by=None, now=timezone.now())


def instance_for(registry: DockerRegistry, password: str = SECRET) -> Instance:
    if registry.mode == "anonymous":
        return make_instance(endpoint_url=registry.url)
    return make_instance(endpoint_url=registry.url, username="robot", password=password)


def failed(report: ConnectionTest) -> Step:
    assert report.failed is not None
    return report.failed


def statuses(report: ConnectionTest) -> dict[str, str]:
    return {step.name: step.status.value for step in report.steps}


class TestARealRegistry:
    def test_passes_every_step_and_keeps_nothing(self, registry):
        instance = instance_for(registry)
        found = statuses(run(instance))
        assert found.pop("login") == ("skipped" if registry.mode == "anonymous" else "ok")
        assert found == dict.fromkeys(["address", "connection", "challenge", "catalogue", "push"], "ok")
        uploads = list(registry.storage_path.glob("**/_uploads/*/data"))
        assert uploads == []
        instance.refresh_from_db()
        assert instance.health == Health.HEALTHY

    def test_stops_at_a_wrong_password_and_does_not_tell_it(self, registry):
        if registry.mode == "anonymous":
            pytest.skip("everybody is let in")
        instance = instance_for(registry, password="wrong-one-7")
        report = run(instance)
        assert failed(report).name == "login"
        assert statuses(report)["push"] == "skipped"
        assert "wrong-one-7" not in str(report)
        instance.refresh_from_db()
        assert instance.health == Health.UNHEALTHY
        assert "wrong-one-7" not in instance.health_detail


class TestAnAddress:
    def test_that_may_not_be_contacted_ends_the_test_before_a_packet_leaves(self, settings):
        settings.ALLOWED_NETWORKS = []
        report = run(make_instance(endpoint_url="http://127.0.0.1:9"))
        assert statuses(report) == {"address": "failed"} | dict.fromkeys(
            list(connections.STEPS)[1:], "skipped"
        )
        assert "REGATTA_ALLOWED_NETWORKS" in report.steps[0].words

    def test_hints_at_settings_to_the_platform_only(self, settings):
        settings.ALLOWED_NETWORKS = []
        instance = make_instance(endpoint_url="http://127.0.0.1:9")
        owner = make_user(account=instance.account)
        report = connections.test(instance=instance, by=owner, now=timezone.now())
        assert "REGATTA" not in report.steps[0].words

    def test_that_nobody_listens_at_fails_to_connect(self):
        assert failed(run(make_instance(endpoint_url="http://127.0.0.1:9"))).name == "connection"

    def test_without_tls_is_told_so(self, registry):
        report = run(make_instance(endpoint_url=registry.url.replace("http:", "https:")))
        assert failed(report).name == "connection"
        assert "plain http://" in failed(report).words

    def test_is_not_for_those_who_do_not_manage_the_instance(self):
        instance = make_instance(endpoint_url="http://127.0.0.1:9")
        with pytest.raises(PermissionDenied):
            connections.test(
                instance=instance,
                by=make_user(account=instance.account, role=Role.OPERATOR),
                now=timezone.now(),
            )


def test_a_secret_that_does_not_open_is_said_to_be_lost(settings):
    instance = make_instance(username="robot", password=SECRET)
    settings.VAULT_KEYS = {"other": b"o" * 32}
    report = run(Instance.objects.get(pk=instance.pk))
    assert "key ring" in failed(report).words
