"""What an audit event holds, and what it survives."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from registries import audit, origin
from registries.models import AuditEvent, Instance, User
from registries.models.audit_event import AppendOnly
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

    @pytest.mark.parametrize(
        "change",
        [
            lambda event: event.save(),
            lambda event: event.save(update_fields=["verb"]),
            lambda event: event.delete(),
            lambda event: AuditEvent.objects.filter(pk=event.pk).update(verb="x"),
            lambda event: AuditEvent.objects.update(verb="x"),
            lambda event: AuditEvent.objects.filter(pk=event.pk).delete(),
            lambda event: AuditEvent.objects.bulk_update([event], ["verb"]),
            lambda event: AuditEvent.objects.update_or_create(pk=event.pk, defaults={"verb": "x"}),
            lambda event: event.account.audit_events.all().delete(),
        ],
    )
    def test_is_neither_changed_nor_deleted(self, instance, change):
        event = record(instance)
        with pytest.raises(AppendOnly), transaction.atomic():
            change(event)
        assert AuditEvent.objects.get().verb == "instance.updated"


class TestVisibleTo:
    def test_shows_an_account_s_events_to_its_administrators_and_all_to_staff(self, instance):
        mine = record(instance)
        other = record(make_instance())
        for role, expected in [("owner", {mine}), ("admin", {mine}), ("operator", set()), ("viewer", set())]:
            user = make_user(account=instance.account, role=role)
            assert set(AuditEvent.objects.visible_to(user)) == expected
        assert set(AuditEvent.objects.visible_to(make_staff())) == {mine, other}

    def test_shows_staff_who_belong_to_an_account_no_more_than_that(self, instance):
        record(make_instance())
        user = make_user(account=instance.account, is_staff=True, is_superuser=True)
        assert not AuditEvent.objects.visible_to(user).exists()


class TestPrune:
    def test_ends_what_is_older_than_the_setting_says(self, instance, settings):
        settings.AUDIT_DAYS = 30
        verb = audit.Verb.INSTANCE_UPDATED
        for age in (31, 29):
            now = NOW - timedelta(days=age)
            audit.record(verb, by=None, target=instance, account=instance.account, now=now)
        assert audit.prune(now=NOW) == 1
        assert AuditEvent.objects.get().happened_at == NOW - timedelta(days=29)

    def test_goes_in_small_batches_and_stops_in_time(self, instance, settings, monkeypatch):
        settings.AUDIT_DAYS = 1
        monkeypatch.setattr(audit, "_BATCH", 2)
        for _number in range(5):
            record(instance)
        later = NOW + timedelta(days=2)
        assert audit.prune(now=later, seconds=0) == 0
        assert audit.prune(now=later) == 5
        assert audit.prune(now=later) == 0
