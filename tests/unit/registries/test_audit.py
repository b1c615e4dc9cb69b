"""What an audit event holds, and what it survives."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from registries import audit, origin
from registries.models import AuditEvent, Instance, User
from tests.factories import make_account, make_instance, make_region, make_staff, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def instance():
    return make_instance(name="harbour")


def record(instance: Instance, by: User | None = None, **details: Any) -> AuditEvent:
    verb = audit.Verb.INSTANCE_UPDATED
    return audit.record(verb, by=by, target=instance, account=instance.account, now=NOW, **details)


class TestRecord:
    def test_tells_who_did_what_to_which_object_and_when(self, instance):
        user = make_user(account=instance.account)
        event = record(instance, by=user, changes={"name": ["old", "harbour"]})
        event.refresh_from_db()
        assert (event.actor, event.actor_name, event.account) == (user, user.login, instance.account)
        assert (event.verb, event.target_type, event.target_id) == (
            "instance.updated",
            "instance",
            str(instance.pk),
        )
        assert (event.target_name, event.happened_at) == ("harbour", NOW)
        assert event.changes == {"name": ["old", "harbour"]}

    def test_names_the_platform_where_nobody_acts(self, instance):
        event = record(instance)
        assert (event.actor, event.actor_name, event.changes) == (None, "platform", {})

    def test_belongs_to_no_account_where_the_platform_s_own_things_change(self):
        event = audit.record(
            audit.Verb.REGION_UPDATED, by=make_staff(), target=make_region(), account=None, now=NOW
        )
        assert event.account is None

    def test_notes_the_address_of_the_request_and_none_outside_of_one(self, instance):
        token = origin.client_address.set("2001:db8::7")
        try:
            assert record(instance).ip_address == "2001:db8::7"
        finally:
            origin.client_address.reset(token)
        assert record(instance).ip_address is None

    def test_cuts_a_long_name_instead_of_failing_the_act(self):
        region = make_region()
        region.code = "x" * 300
        event = audit.record(audit.Verb.REGION_UPDATED, by=None, target=region, account=None, now=NOW)
        event.refresh_from_db()
        assert event.target_name == "x" * 255

    def test_has_room_for_the_longest_sign_in_name(self, instance):
        user = make_user(account=make_account(uin="9" * 20), username="u" * 100)
        event = record(instance, by=user)
        event.refresh_from_db()
        assert event.actor_name == user.login

    def test_has_room_for_every_verb(self):
        longest = AuditEvent._meta.get_field("verb").max_length
        assert longest is not None
        assert max(len(verb) for verb in audit.Verb) <= longest

    def test_is_undone_with_the_act(self, instance):
        with transaction.atomic():
            record(instance)
            transaction.set_rollback(True)
        assert not AuditEvent.objects.exists()


class TestAuditEvent:
    def test_outlives_actor_object_and_account_and_keeps_their_names(self, instance):
        user = make_user(account=instance.account)
        login = user.login
        record(instance, by=user)
        account = instance.account
        instance.delete()
        user.delete()
        account.delete()
        event = AuditEvent.objects.get()
        assert (event.actor, event.account) == (None, None)
        assert (event.actor_name, event.target_name) == (login, "harbour")

    def test_comes_newest_first(self, instance):
        first, second = record(instance), record(instance)
        assert list(AuditEvent.objects.all()) == [second, first]
