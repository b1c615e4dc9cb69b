"""The repositories and tags of an instance, live from a fake registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registries.models import Account, Instance
from syncjobs.models import EventAction, PushEvent
from syncjobs.states import Status
from tests import factories
from tests.fakes import images
from tests.fakes.auth import BasicAuth
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db(transaction=True)

IMAGE = images.image("app")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry(page_size=3) as registry:
        yield registry


@pytest.fixture
def instance(account: Account, registry: FakeRegistry) -> Instance:
    return factories.make_instance(account=account, name="north", endpoint_url=registry.url)


def read(client: Client, instance: Instance, repository: str = "", **query: str) -> str:
    name = "repositories:detail" if repository else "repositories:list"
    arguments = [instance.instance_id, *filter(None, [repository])]
    response = client.get(reverse(name, args=arguments), query)
    assert response.status_code == 200
    return response.content.decode()


def names_in(text: str) -> list[str]:
    return re.findall(r'class="strong path"[^>]*>([^<]+)<', text)


class TestRepositories:
    def test_are_shown_in_natural_order_over_all_pages_of_the_catalogue(self, page, instance, registry):
        for number in (10, 2, 1, 9):
            images.push(IMAGE, registry.url, f"team/app{number}", "v1")
        assert names_in(read(page, instance)) == ["team/app1", "team/app2", "team/app9", "team/app10"]
        assert names_in(read(page, instance, sort="-name"))[0] == "team/app10"

    def test_are_searched_over_all_pages(self, page, instance, registry):
        for name in ("a/x", "b/x", "c/x", "d/needle", "e/x"):
            images.push(IMAGE, registry.url, name, "v1")
        assert names_in(read(page, instance, q="NEEDLE")) == ["d/needle"]
        assert "No repository matches" in read(page, instance, q="nothing")

    def test_of_an_empty_registry_say_what_to_do(self, page, instance):
        assert "No repositories yet" in read(page, instance)

    def test_of_a_registry_that_fails_show_why(self, page, instance, registry):
        registry.stop()
        text = read(page, instance)
        assert "The registry could not be read." in text
        assert "The registry cannot be reached." in text
        assert "Try again" in text

    def test_come_with_what_the_registry_warns_of(self, page, instance, registry):
        images.push(IMAGE, registry.url, "team/app", "v1")
        warning = {"Warning": '299 - "This registry <closes> soon"'}
        registry.fault(Fault(method="GET", path="_catalog|tags/list", replace_headers=warning, times=None))
        for repository in ("", "team/app"):
            assert "warns: This registry &lt;closes&gt; soon" in read(page, instance, repository)

    def test_of_a_registry_that_refuses_show_why(self, page, account):
        with FakeRegistry(auth=BasicAuth("robot", "secret")) as closed:
            instance = factories.make_instance(account=account, endpoint_url=closed.url)
            assert "rejected the stored username or password" in read(page, instance)

    def test_are_reached_from_the_instance(self, page, instance):
        path = reverse("instances:detail", args=[instance.instance_id])
        assert reverse("repositories:list", args=[instance.instance_id]) in page.get(path).content.decode()

    def test_may_be_seen_by_viewers_and_by_nobody_else(self, viewer_page, instance, sign_in):
        path = reverse("repositories:list", args=[instance.instance_id])
        assert viewer_page.get(path).status_code == 200
        assert sign_in(factories.make_user()).get(path).status_code == 404


class TestTags:
    def test_are_shown_the_highest_version_first(self, page, instance, registry):
        for tag in ("v1.9", "v1.10", "v1.2", "latest"):
            images.push(IMAGE, registry.url, "team/app", tag)
        assert names_in(read(page, instance, "team/app", sort="name")) == ["latest", "v1.2", "v1.9", "v1.10"]
        assert names_in(read(page, instance, "team/app"))[0] == "v1.10"

    def test_are_read_for_the_page_only(self, page, instance, registry):
        for number in range(30):
            images.push(IMAGE, registry.url, "team/app", f"v{number}")
        registry.clear_log()
        assert names_in(read(page, instance, "team/app", sort="name", page="2")) == [
            f"v{number}" for number in range(25, 30)
        ]
        assert registry.count("GET", "/manifests/v") == 5

    def test_show_digest_size_platforms_and_type(self, page, instance, registry):
        both = images.multi_platform("both")
        images.push(both, registry.url, "team/app", "multi")
        images.push(images.helm_chart("chart"), registry.url, "team/app", "1.0.0")
        text = read(page, instance, "team/app")
        assert both.digest in text
        assert "linux/amd64" in text
        assert "Helm Chart" in text
        assert f"helm pull oci://{instance.address}/team/app --version 1.0.0" in text
        assert f"docker pull {instance.address}/team/app:multi" in text

    def test_show_what_is_attached_however_it_is_found(self, page, instance, registry):
        images.push(IMAGE, registry.url, "team/app", "v1")
        attached = images.signature(IMAGE)
        images.push(attached, registry.url, "team/app", attached.digest)
        assert "Signature" in read(page, instance, "team/app")

    def test_of_signatures_are_hidden_until_asked_for(self, page, instance, registry):
        tag = IMAGE.digest.replace(":", "-") + ".sig"
        images.push(IMAGE, registry.url, "team/app", "v1")
        images.push(images.image("sig"), registry.url, "team/app", tag)
        text = read(page, instance, "team/app")
        assert names_in(text) == ["v1"]
        assert '<span class="tag">Signature</span>' in text
        assert "Show 1 tag of signatures" in text
        assert tag in names_in(read(page, instance, "team/app", attachments="shown"))

    def test_that_cannot_be_read_say_why_beside_the_others(self, page, instance, registry):
        images.push(IMAGE, registry.url, "team/app", "good")
        images.push(IMAGE, registry.url, "team/app", "odd")
        registry.fault(Fault(path="/manifests/odd", status=403))
        text = read(page, instance, "team/app")
        assert "may not do this at the registry" in text
        assert IMAGE.digest in text

    def test_of_an_unknown_repository_are_none(self, page, instance):
        assert "No tags" in read(page, instance, "team/nothing")

    def test_of_a_name_that_cannot_be_one_are_not_found(self, page, instance):
        path = reverse("repositories:detail", args=[instance.instance_id, "Not/A/Name"])
        assert page.get(path).status_code == 404


class TestKnownPlaces:
    @pytest.fixture
    def copied(self, instance, registry, account):
        """A copy of the tag that a rule made to another instance, and one to another account."""
        images.push(IMAGE, registry.url, "team/app", "v1")
        other = factories.make_instance(account=account, name="south")
        rule = factories.make_rule(source=instance, target=other)
        foreign = factories.make_cross_tenant_rule(source=instance)
        for made in (rule, foreign):
            execution = factories.make_execution(rule=made, status=Status.SUCCEEDED)
            job = factories.make_job(
                execution=execution,
                status=Status.SUCCEEDED,
                source_repository="team/app",
                target_repository="mirror/app",
            )
            factories.make_outcome(job=job, tag="v1", digest=IMAGE.digest)
        return rule, foreign

    def test_name_the_other_instances_of_the_account_only(self, page, instance, copied):
        _rule, foreign = copied
        text = read(page, instance, "team/app")
        assert "mirror/app:v1" in text
        assert ">south<" in text
        assert foreign.target.name not in text
        assert foreign.target_instance_id not in text

    def test_name_replicas(self, page, instance, registry):
        images.push(IMAGE, registry.url, "team/app", "v1")
        replica = factories.make_replica(primary=instance)
        execution = factories.make_execution(replica=replica, status=Status.SUCCEEDED)
        job = factories.make_job(
            execution=execution,
            status=Status.SUCCEEDED,
            source_repository="team/app",
            target_repository="team/app",
        )
        factories.make_outcome(job=job, tag="v1", digest=IMAGE.digest)
        assert replica.replica_id in read(page, instance, "team/app")

    def test_say_when_a_tag_was_pushed(self, page, instance, registry):
        images.push(IMAGE, registry.url, "team/app", "v1")
        assert "Unknown" in read(page, instance, "team/app")
        PushEvent.objects.create(
            instance=instance,
            event_id="1",
            action=EventAction.PUSH,
            repository="team/app",
            tag="v1",
            digest=IMAGE.digest,
            received_at=timezone.now() - timedelta(hours=3),
        )
        text = read(page, instance, "team/app")
        assert "3 h ago" in text
        assert "pushed" in text

    def test_say_when_a_tag_was_copied_here(self, page, copied, registry):
        rule, _foreign = copied
        Instance.objects.filter(pk=rule.target.pk).update(endpoint_url=registry.url)
        images.push(IMAGE, registry.url, "mirror/app", "v1")
        text = read(page, Instance.objects.get(pk=rule.target.pk), "mirror/app")
        assert "copied" in text
        assert ">north<" in text
