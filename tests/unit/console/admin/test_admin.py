from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise

from registries import vault
from registries.models import (
    Account,
    AuditEvent,
    Backend,
    Credential,
    Region,
    SignInThrottle,
    ThrottleWindow,
    TokenScope,
    User,
)
from registries.models.stored_answer import StoredAnswer
from registries.services import api_keys, api_tokens
from syncjobs.models import DriftReport, Execution, LagSample, PushEvent
from tests import factories
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff_page(sign_in):
    return sign_in(factories.make_staff(login="operator"))


def registered():
    return [model for model in admin.site._registry if model._meta.app_label in {"registries", "syncjobs"}]


def url(model, action="changelist", *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}", args=args)


@pytest.fixture
def rows(rule):
    """One row of each model."""
    factories.make_credential(instance=rule.source, password="very-secret")
    factories.make_cross_tenant_rule(source=rule.source, secret="very-secret")
    factories.make_backend(username="robot", password="very-secret")
    factories.make_grant(user=factories.make_user(account=rule.source.account), instance=rule.source)
    factories.make_namespace(instance=rule.source)
    factories.make_invitation(account=rule.source.account)
    factories.make_password_reset(user=factories.make_user(account=rule.source.account))
    factories.make_sign_in(user=factories.make_user(account=rule.source.account))
    user = factories.make_user(account=rule.source.account)
    api_keys.create(user=user, now=timezone.now())
    api_tokens.issue(
        scope=TokenScope.READ,
        expires_at=timezone.now() + timedelta(days=1),
        description="",
        by=user,
        now=timezone.now(),
    )
    StoredAnswer.objects.create(user=user, key="x", body={"a": "very-secret"}, created_at=rule.created_at)
    ThrottleWindow.objects.create(name="hook-address:x", number=1, updated_at=rule.created_at)
    SignInThrottle.objects.create(
        key="name:x", last_attempt_at=rule.created_at, blocked_until=rule.created_at
    )
    replica = factories.make_replica()
    DriftReport.objects.create(replica=replica, checked_at=rule.created_at)
    LagSample.objects.create(replica=replica, sampled_at=rule.created_at)
    factories.make_outcome(job=factories.make_job(execution=factories.make_execution(rule=rule)))
    factories.make_worker()
    PushEvent.objects.create(instance=rule.source, event_id="1", action="push", received_at=rule.created_at)
    AuditEvent.objects.create(
        happened_at=rule.created_at, actor_name="x", verb="rule.created", target_type="rule"
    )


class TestLists:
    @pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.model_name)
    def test_open_in_few_queries(self, staff_page, rows, model, django_assert_max_num_queries):
        with django_assert_max_num_queries(12):
            assert staff_page.get(url(model)).status_code == 200

    def test_cover_every_model(self):
        known = {
            model for app in ("registries", "syncjobs") for model in apps.get_app_config(app).get_models()
        }
        assert known == set(registered())

    def test_leave_out_the_tables_of_django_q(self, staff_page):
        assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]


class TestRows:
    @pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.model_name)
    def test_show_no_secret(self, staff_page, rows, model):
        for row in model.objects.all():
            response = staff_page.get(url(model, "change", row.pk))
            assert response.status_code == 200
            for name in (
                "sealed_password",
                "sealed_target_password",
                "sealed_hook_secret",
                "secret_hash",
                "lease_token",
                "token_digest",
                "session_key",
                "token",
            ):
                value = getattr(row, name, "")
                assert not value or value not in response.content.decode()
            assert b"very-secret" not in response.content
            assert b"md5$" not in response.content

    @pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.model_name)
    def test_cannot_be_deleted(self, staff_page, rows, model):
        row = model.objects.first()
        assert staff_page.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        assert model.objects.filter(pk=row.pk).exists()

    @pytest.mark.parametrize(
        "model",
        [model for model in registered() if model not in {Region, Backend}],
        ids=lambda model: model._meta.model_name,
    )
    def test_cannot_be_added_where_a_service_does_it(self, staff_page, model):
        assert staff_page.get(url(model, "add")).status_code == 403

    @pytest.mark.parametrize(
        "model",
        [model for model in registered() if model not in {Region, Backend, User, Account}],
        ids=lambda model: model._meta.model_name,
    )
    def test_cannot_be_changed_where_a_service_does_it(self, staff_page, rows, model):
        row = model.objects.first()
        assert staff_page.post(url(model, "change", row.pk), {}).status_code == 403


class TestRegionAdmin:
    values = {
        "code": "xx-test",
        "numeric_id": "9001",
        "name_en": "Test",
        "name_zh": "测试",
        "jurisdiction": "test",
    }

    def test_creates_through_the_service(self, staff_page):
        staff_page.post(url(Region, "add"), self.values)
        region = Region.objects.get(code="xx-test")
        assert AuditEvent.objects.get(target_id=str(region.pk)).actor_name == "operator"

    def test_changes_through_the_service(self, staff_page):
        region = factories.make_region("xx-test", numeric_id=9001)
        staff_page.post(url(Region, "change", region.pk), self.values | {"jurisdiction": "elsewhere"})
        region.refresh_from_db()
        assert region.jurisdiction == "elsewhere"
        assert AuditEvent.objects.get().changes["jurisdiction"] == ["test", "elsewhere"]


class TestBackendAdmin:
    @pytest.fixture
    def values(self):
        return {
            "code": "main",
            "region": factories.make_region("ap-guangzhou").pk,
            "endpoint_url": "https://backend.example.com/",
            "verify_tls": "on",
            "ca_pem": "",
            "is_active": "on",
            "username": "robot",
            "password": "very-secret",
        }

    def test_creates_with_a_sealed_credential(self, staff_page, values):
        staff_page.post(url(Backend, "add"), values)
        backend = Backend.objects.get()
        assert backend.endpoint_url == "https://backend.example.com"
        assert backend.credential.sealed_password != "very-secret"
        assert (
            vault.open_sealed(backend.credential.sealed_password, context=backend.credential.seal_context)
            == "very-secret"
        )

    def test_keeps_the_password_when_it_is_left_empty(self, staff_page, values):
        backend = factories.make_backend(
            code="main", endpoint_url="https://backend.example.com", username="robot", password="kept"
        )
        staff_page.post(url(Backend, "change", backend.pk), values | {"password": "", "is_active": ""})
        backend.refresh_from_db()
        assert not backend.is_active
        assert Credential.objects.get(backend=backend).open_password() == "kept"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"endpoint_url": "ftp://x"}, "endpoint_url"),
            ({"ca_pem": "nonsense"}, "ca_pem"),
            ({"username": ""}, "username"),
            ({"password": ""}, "password"),
        ],
    )
    def test_shows_errors_at_their_fields(self, staff_page, values, changes, field):
        response = staff_page.post(url(Backend, "add"), values | changes)
        assert field in response.context["adminform"].form.errors
        assert not Backend.objects.exists()

    def test_wants_the_password_again_for_another_address(self, staff_page, values):
        backend = factories.make_backend(
            endpoint_url="https://old.example.com", username="robot", password="kept"
        )
        response = staff_page.post(url(Backend, "change", backend.pk), values | {"password": ""})
        assert "password" in response.context["adminform"].form.errors


class TestUserAdmin:
    def test_switches_a_user_off_and_changes_nothing_else(self, staff_page, owner):
        staff_page.post(url(User, "change", owner.pk), {"role": "viewer", "is_staff": "on"})
        owner.refresh_from_db()
        assert (owner.is_active, owner.role, owner.is_staff) == (False, "owner", False)
        assert AuditEvent.objects.get(target_id=str(owner.pk)).changes == {"is_active": ["True", "False"]}

    def test_shows_who_may_sign_in(self, staff_page, owner):
        assert "olivia@100000000001" in text_of(staff_page.get(url(User)))

    def test_leaves_the_own_switch_alone(self, staff_page):
        staff = User.objects.get(login="operator")
        assert staff_page.post(url(User, "change", staff.pk), {}).status_code == 302
        staff.refresh_from_db()
        assert staff.is_active


class TestAccountAdmin:
    def test_switches_an_account_off_and_ends_its_sessions(self, staff_page, account, page):
        assert page.get("/").status_code == 200
        staff_page.post(url(Account, "change", account.pk), {"name": "Other"})
        account.refresh_from_db()
        assert (account.is_active, account.name) == (False, "Example")
        assert page.get("/").status_code == 302
        assert AuditEvent.objects.get(target_type="account").verb == "account.disabled"

    def test_switches_an_account_on_again(self, staff_page, account):
        Account.objects.update(is_active=False)
        staff_page.post(url(Account, "change", account.pk), {"is_active": "on"})
        account.refresh_from_db()
        assert account.is_active


class TestActions:
    def act(self, page, model, action, *rows):
        data = {"action": action, "_selected_action": [row.pk for row in rows]}
        return page.post(url(model), data, follow=True)

    def test_disable_and_enable_accounts(self, staff_page, account, page):
        response = self.act(staff_page, Account, "disable", account)
        assert "Done for 1 row." in text_of(response)
        assert page.get("/").status_code == 302
        self.act(staff_page, Account, "enable", account)
        assert [event.verb for event in AuditEvent.objects.order_by("pk")] == [
            "account.disabled",
            "account.enabled",
        ]

    def test_disable_users_but_oneself(self, staff_page, owner):
        second = factories.make_user(account=owner.account, role="owner")
        staff = User.objects.get(login="operator")
        text = text_of(self.act(staff_page, User, "disable", second, staff))
        assert "Done for 1 row." in text
        assert "You cannot disable yourself." in text
        assert set(User.objects.filter(is_active=True)) == {owner, staff}

    def test_drain_a_backend_and_keep_its_credential(self, staff_page):
        backend = factories.make_backend(username="robot", password="kept")
        self.act(staff_page, Backend, "drain", backend)
        backend.refresh_from_db()
        assert not backend.is_active
        assert Credential.objects.get(backend=backend).open_password() == "kept"
        self.act(staff_page, Backend, "reopen", backend)
        backend.refresh_from_db()
        assert backend.is_active

    def test_stop_executions_and_put_them_back_into_the_queue(self, staff_page, rule):
        execution = factories.make_execution(rule=rule)
        factories.make_job(execution=execution)
        self.act(staff_page, Execution, "stop", execution)
        execution.refresh_from_db()
        assert execution.status == "stopped"
        self.act(staff_page, Execution, "retry_failed", execution)
        execution.refresh_from_db()
        assert execution.status == "running"
        assert "is not running" not in text_of(self.act(staff_page, Execution, "stop", execution))

    def test_go_no_way_around_the_rules_of_services(self, staff_page, rule):
        finished = factories.make_finished_execution(rule=rule)
        response = self.act(staff_page, Execution, "retry_failed", finished)
        assert "Done for" not in text_of(response)
        assert not AuditEvent.objects.exists()

    def test_are_not_offered_where_nothing_can_be_changed(self, staff_page, rows):
        assert 'name="action"' not in staff_page.get(url(Credential)).content.decode()
        assert "delete_selected" not in staff_page.get(url(Account)).content.decode()


class TestWords:
    def test_of_every_field_that_is_shown_are_marked_for_translation(self):
        for model in registered():
            for field in model._meta.fields:
                is_shown = field.editable and not field.primary_key and "token" not in field.name
                if is_shown and not field.name.startswith(("secret", "sealed", "session")):
                    assert isinstance(field.verbose_name, Promise), f"{model.__name__}.{field.name}"


class TestStaffOfAnAccount:
    def test_cannot_change_the_platform(self, account, sign_in):
        user = factories.make_user(account=account, is_staff=True, is_superuser=True)
        assert sign_in(user).post(url(Region, "add"), TestRegionAdmin.values).status_code == 403
        assert not Region.objects.filter(code="xx-test").exists()
