"""The pages of a cross-tenant rule say beforehand that its credential stops it, and survive its target."""

import pytest
from django.urls import reverse

from registries.models import AccessCredential, Instance
from registries.services import instances
from tests import factories
from tests.unit.syncjobs.services.events import NOW

pytestmark = pytest.mark.django_db

DISABLED = "The access credential was disabled by the account that issued it."
GONE = "The target instance no longer exists, or no longer accepts the credential."


@pytest.fixture
def rule(source):
    return factories.make_cross_tenant_rule(source=source)


@pytest.fixture
def paths(rule):
    return [
        f"{reverse('rules:list')}?instance={rule.source.instance_id}",
        reverse("executions:list", args=[rule.pk]),
        reverse("rules:update", args=[rule.pk]),
    ]


def test_nothing_is_said_while_all_is_well(page, paths):
    for path in paths:
        assert "credential was" not in page.get(path).content.decode()


def test_a_disabled_credential_is_told_on_every_page_of_the_rule(page, paths):
    AccessCredential.objects.update(is_enabled=False)
    for path in paths:
        assert DISABLED in page.get(path).content.decode()


def test_a_target_that_its_owner_deleted_leaves_the_rule_and_its_pages(page, paths, rule):
    AccessCredential.objects.update(is_enabled=False)
    target = Instance.objects.get(pk=rule.target.pk)
    instances.delete(instance=target, by=None, now=NOW)
    for path in paths:
        text = page.get(path).content.decode()
        assert GONE in text
        assert target.instance_id in text
        assert target.name not in text
    assert page.get(reverse("instances:detail", args=[rule.source.instance_id])).status_code == 200
