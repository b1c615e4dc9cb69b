"""No instance and no account gets more than its edition allows, however many ask at once."""

from __future__ import annotations

import threading
from copy import deepcopy
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from registries import quotas
from registries.models import Edition, Instance
from registries.quotas import Quota, QuotaExceeded
from registries.services import access_credentials, instances
from syncjobs.models import Rule
from syncjobs.services import rules
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_quotas(settings) -> None:
    """Let each test change its own copy."""
    settings.QUOTAS = deepcopy(settings.QUOTAS)


def create_rule(source: Instance, target: Instance, name: str) -> Rule:
    values = {"source": source, "target": target, "name": name, "namespace": "team"}
    return rules.create(values=values, by=None, now=NOW)


def connect(account, edition: str, name: str) -> Instance:
    values = {
        "name": name,
        "edition": edition,
        "region": factories.make_region("ap-guangzhou"),
        "endpoint_url": "https://r.example",
    }
    return instances.create_connected(
        account=account, values=values, username="", password="", by=None, now=NOW
    )


class TestCheckRoom:
    @pytest.mark.parametrize(
        ("quota", "make"),
        [
            (Quota.NAMESPACES, lambda one: factories.make_namespace(instance=one)),
            (Quota.RULES, lambda one: factories.make_rule(source=one)),
            (Quota.REPLICAS, lambda one: factories.make_replica(primary=one)),
            (Quota.CREDENTIALS, lambda one: factories.make_access_credential(instance=one)),
        ],
    )
    def test_counts_what_belongs_to_the_instance(self, settings, quota, make):
        settings.QUOTAS["premium"][quota.value] = 1
        instance = factories.make_instance(edition=Edition.PREMIUM)
        make(factories.make_instance(edition=Edition.PREMIUM))
        quotas.check_room(quota, instance)
        make(instance)
        with pytest.raises(QuotaExceeded) as caught:
            quotas.check_room(quota, instance)
        expected = f"The quota of {instance.name} is used up: {quota.label}, 1 at most (Premium edition)."
        assert str(caught.value) == expected
        assert caught.value.field

    def test_takes_any_number_where_there_is_no_limit(self, settings):
        settings.QUOTAS["standard"]["rules"] = None
        quotas.check_room(Quota.RULES, factories.make_rule().source)

    def test_goes_by_the_edition_that_is_stored(self, settings):
        settings.QUOTAS["standard"]["namespaces"] = 0
        instance = factories.make_instance(edition=Edition.STANDARD)
        Instance.objects.filter(pk=instance.pk).update(edition=Edition.PREMIUM)
        quotas.check_room(Quota.NAMESPACES, instance)


class TestRules:
    def test_are_refused_at_the_name_beyond_the_quota(self, settings):
        settings.QUOTAS["standard"]["rules"] = 1
        target = factories.make_instance()
        source = factories.make_instance(account=target.account)
        create_rule(source, target, "first")
        with pytest.raises(QuotaExceeded) as caught:
            create_rule(source, target, "second")
        assert caught.value.field == "name"
        assert source.rules.count() == 1

    def test_stay_when_the_quota_is_lowered_and_can_be_changed(self, settings):
        rule = factories.make_rule()
        settings.QUOTAS["standard"]["rules"] = 0
        assert rules.update(rule=rule, values={"override": True}, by=None, now=NOW)


class TestCredentials:
    def test_are_refused_at_the_username_beyond_the_quota(self, settings):
        settings.QUOTAS["standard"]["credentials"] = 1
        instance = factories.make_access_credential().instance
        with pytest.raises(QuotaExceeded) as caught:
            access_credentials.issue(instance=instance, by=None, now=NOW)
        assert caught.value.field == "username"
        assert instance.access_credentials.count() == 1


class TestInstances:
    def test_are_counted_by_account_and_edition(self, settings):
        settings.QUOTAS["standard"]["instances"] = 1
        account = factories.make_account()
        connect(account, "standard", "first")
        connect(account, "premium", "other-edition")
        connect(factories.make_account(), "standard", "other-account")
        with pytest.raises(QuotaExceeded, match="instances of the Standard edition, 1 at most") as caught:
            connect(account, "standard", "second")
        assert caught.value.field == "edition"

    def test_cannot_be_raised_into_a_full_edition(self, settings):
        settings.QUOTAS["premium"]["instances"] = 0
        instance = factories.make_instance(edition=Edition.STANDARD)
        with pytest.raises(QuotaExceeded):
            instances.update(
                instance=instance, values={"edition": "premium"}, username="", password=None, by=None, now=NOW
            )
        instance.refresh_from_db()
        assert instance.edition == Edition.STANDARD

    def test_can_be_changed_in_a_full_edition(self, settings):
        settings.QUOTAS["standard"]["instances"] = 0
        instance = factories.make_instance(edition=Edition.STANDARD)
        values = {"edition": "standard", "name": "renamed"}
        assert instances.update(
            instance=instance, values=values, username="", password=None, by=None, now=NOW
        )


@pytest.mark.django_db(transaction=True)
def test_two_at_a_time_cannot_both_take_the_last_place(settings):
    settings.QUOTAS["standard"]["rules"] = 3
    target = factories.make_instance()
    source = factories.make_instance(account=target.account)
    start = threading.Barrier(6)
    refused: list[str] = []

    def ask(name: str) -> None:
        try:
            start.wait(timeout=30)
            with transaction.atomic():
                create_rule(source, target, name)
        except QuotaExceeded:
            refused.append(name)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(f"rule-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert source.rules.count() == 3
    assert len(refused) == 3
