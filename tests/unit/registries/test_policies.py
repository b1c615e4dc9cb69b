"""When something about instances is possible, and whether the refusal says why."""

from datetime import UTC, datetime, timedelta

import pytest

from registries import policies
from registries.models import AccessCredential, Account, Edition
from registries.policies import Refused
from tests.factories import (
    make_access_credential,
    make_cross_tenant_rule,
    make_instance,
    make_namespace,
    make_replica,
    make_rule,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class TestCheckCanHoldRules:
    @pytest.mark.parametrize("edition", [Edition.STANDARD, Edition.PREMIUM])
    def test_lets_standard_and_premium_through(self, edition):
        policies.check_can_hold_rules(make_instance(edition=edition))

    def test_refuses_basic_and_names_the_instance(self):
        instance = make_instance(edition=Edition.BASIC)
        with pytest.raises(Refused, match=f"standard or premium.*{instance.name}"):
            policies.check_can_hold_rules(instance)

    def test_refuses_an_account_that_was_switched_off(self):
        instance = make_instance()
        Account.objects.update(is_active=False)
        instance.account.refresh_from_db()
        with pytest.raises(Refused, match="switched off"):
            policies.check_can_hold_rules(instance)


class TestCheckCanHoldReplicas:
    def test_lets_premium_through(self):
        policies.check_can_hold_replicas(make_instance(edition=Edition.PREMIUM))

    @pytest.mark.parametrize("edition", [Edition.BASIC, Edition.STANDARD])
    def test_refuses_the_others_and_says_which_it_is(self, edition):
        instance = make_instance(edition=edition)
        with pytest.raises(Refused, match=f"premium edition; {instance.name} is {edition.label}"):
            policies.check_can_hold_replicas(instance)


class TestCheckCanChangeEdition:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("basic", "basic"),
            ("basic", "standard"),
            ("basic", "premium"),
            ("standard", "standard"),
            ("standard", "premium"),
            ("premium", "premium"),
        ],
    )
    def test_lets_it_stay_or_go_up(self, old, new):
        policies.check_can_change_edition(make_instance(edition=old), new)

    @pytest.mark.parametrize(
        ("old", "new"), [("standard", "basic"), ("premium", "standard"), ("premium", "basic")]
    )
    def test_refuses_to_go_down_at_the_field(self, old, new):
        with pytest.raises(Refused, match="only be raised") as caught:
            policies.check_can_change_edition(make_instance(edition=old), new)
        assert caught.value.field == "edition"


class TestCheckCanDelete:
    def test_lets_an_unused_instance_go(self):
        policies.check_can_delete(make_instance(), now=NOW)

    def test_refuses_a_protected_one(self):
        with pytest.raises(Refused, match="protection"):
            policies.check_can_delete(make_instance(is_deletion_protected=True), now=NOW)

    def test_counts_the_replicas_that_are_in_the_way(self):
        primary = make_instance(edition=Edition.PREMIUM)
        make_replica(primary=primary)
        with pytest.raises(Refused, match=r"has 1 replica \("):
            policies.check_can_delete(primary, now=NOW)
        make_replica(primary=primary)
        with pytest.raises(Refused, match=r"has 2 replicas \("):
            policies.check_can_delete(primary, now=NOW)

    def test_waits_for_replicas_that_are_being_deleted(self):
        replica = make_replica(status="Deleting")
        with pytest.raises(Refused, match=r"still being deleted \(.+\). Try again later"):
            policies.check_can_delete(replica.primary, now=NOW)

    def test_names_the_namespaces_that_were_created(self):
        instance = make_instance()
        for name in ("team", "other"):
            make_namespace(instance=instance, name=name)
        with pytest.raises(Refused, match=r"The instance has namespaces: other, team\. Delete them first\."):
            policies.check_can_delete(instance, now=NOW)

    def test_names_the_rules_of_the_instance(self):
        instance = make_instance()
        make_rule(source=instance, name="nightly")
        make_rule(source=instance, name="on-push")
        with pytest.raises(Refused, match="use this instance: nightly, on-push"):
            policies.check_can_delete(instance, now=NOW)

    def test_names_five_rules_and_counts_the_others(self):
        instance = make_instance()
        for number in range(7):
            make_rule(source=instance, name=f"r{number}")
        with pytest.raises(Refused, match=r": r0, r1, r2, r3, r4 and 2 more\. "):
            policies.check_can_delete(instance, now=NOW)

    def test_names_the_rules_that_copy_to_the_instance(self):
        target = make_instance()
        make_rule(source=make_instance(account=target.account), target=target, name="inbound")
        with pytest.raises(Refused, match="copy to this instance: inbound"):
            policies.check_can_delete(target, now=NOW)

    def test_gives_away_nothing_about_rules_of_other_tenants(self):
        target = make_instance()
        rule = make_cross_tenant_rule(
            target=target, name="secret-project", target_username=target.account.uin
        )
        with pytest.raises(Refused) as caught:
            policies.check_can_delete(target, now=NOW)
        for private in (rule.name, rule.source.name, rule.source.account.name, rule.source.account.uin):
            assert private not in str(caught.value)

    @pytest.mark.parametrize("change", [{"is_enabled": False}, {"expires_at": NOW - timedelta(seconds=1)}])
    def test_lets_it_go_once_no_credential_of_another_tenant_opens_it(self, change):
        target = make_instance()
        make_cross_tenant_rule(target=target)
        with pytest.raises(Refused, match="Disable its credential first"):
            policies.check_can_delete(target, now=NOW)
        AccessCredential.objects.update(**change)
        policies.check_can_delete(target, now=NOW)

    def test_does_not_mind_other_credentials_than_those_that_rules_present(self):
        target = make_instance()
        make_cross_tenant_rule(target=target)
        AccessCredential.objects.update(is_enabled=False)
        make_access_credential(instance=target, secret="for somebody else")
        policies.check_can_delete(target, now=NOW)

    def test_names_everything_at_once(self):
        instance = make_instance(edition=Edition.PREMIUM, is_deletion_protected=True)
        for status in ("Running", "Deleting"):
            make_replica(primary=instance, status=status)
        make_rule(source=instance, name="outbound")
        make_rule(source=make_instance(account=instance.account), target=instance, name="inbound")
        for _number in range(2):
            make_cross_tenant_rule(target=instance)
        make_namespace(instance=instance, name="team")
        with pytest.raises(Refused) as caught:
            policies.check_can_delete(instance, now=NOW)
        assert str(caught.value) == " ".join(policies.list_obstacles(instance, now=NOW))
        for words in (
            "protection is on",
            "has 1 replica (",
            "still being deleted",
            "use this instance: outbound.",
            "copy to this instance: inbound.",
            "2 rules of other accounts",
            "has namespaces: team.",
        ):
            assert words in str(caught.value)

    def test_does_not_mind_access_credentials(self):
        instance = make_instance()
        make_access_credential(instance=instance)
        policies.check_can_delete(instance, now=NOW)
