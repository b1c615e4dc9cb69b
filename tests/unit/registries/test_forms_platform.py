"""The forms of accounts, users, regions, backends and access credentials."""

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from registries.forms import (
    AccessCredentialForm,
    AccountForm,
    BackendForm,
    RegionForm,
    StaffForm,
    UserForm,
)
from registries.models import AuditEvent, Backend, Region, Role
from tests.factories import (
    PASSWORD,
    make_access_credential,
    make_account,
    make_backend,
    make_instance,
    make_region,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def account():
    return make_account()


class TestAccountForm:
    @pytest.mark.parametrize("uin", ["", "1234", "12a45", "1" * 21, "-12345"])
    def test_refuses_an_account_id_that_is_none(self, uin):
        assert list(AccountForm({"uin": uin, "name": "Acme"}, by=None).errors) == ["uin"]

    def test_refuses_a_taken_account_id(self):
        account = make_account()
        assert list(AccountForm({"uin": account.uin, "name": "Acme"}, by=None).errors) == ["uin"]

    def test_refuses_to_change_an_account_id(self):
        form = AccountForm({"uin": "999999", "name": "Acme"}, by=None, instance=make_account())
        assert list(form.errors) == ["uin"]

    def test_renames_an_account_and_says_so_in_the_audit_log(self):
        account = make_account(name="Old")
        form = AccountForm({"uin": account.uin, "name": "New"}, by=None, instance=account)
        assert form.is_valid()
        form.save(NOW)
        assert form.changes == {"name": ["Old", "New"]}
        assert AuditEvent.objects.get().changes == {"name": ["Old", "New"]}

    def test_lets_only_the_platform_create_accounts(self):
        form = AccountForm({"uin": "123456", "name": "Acme"}, by=make_user())
        assert form.is_valid()
        with pytest.raises(PermissionDenied):
            form.save(NOW)


class TestUserForm:
    def form(self, account, *, by=None, instance=None, **changes) -> UserForm:
        data = {"username": "alice", "password": PASSWORD, "role": "viewer", "email": ""} | changes
        return UserForm(data, account=account, by=by, instance=instance)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("username", ""),
            ("username", "alice@acme"),
            ("username", "alice smith"),
            ("username", "a/b"),
            ("role", "king"),
            ("role", ""),
            ("email", "no address"),
            ("password", ""),
        ],
    )
    def test_refuses_a_bad_value_at_its_field(self, account, field, value):
        assert list(self.form(account, **{field: value}).errors) == [field]

    def test_refuses_a_username_that_the_account_has(self, account):
        make_user(account=account, username="alice")
        assert list(self.form(account).errors) == ["username"]

    def test_refuses_a_weak_password_of_a_tenant(self, account):
        form = self.form(account, by=make_user(account=account), password="short")
        assert list(form.errors) == ["password"]

    def test_only_warns_the_platform_of_a_weak_password(self, account):
        form = self.form(account, password="short")
        assert form.is_valid(), form.errors
        assert [field for field, _message in form.warnings] == ["password"]

    def test_creates_a_user_who_can_sign_in(self, account):
        form = self.form(account)
        assert form.is_valid(), form.errors
        user = form.save(NOW)
        assert user.login == f"alice@{account.uin}"
        assert user.check_password(PASSWORD)

    def test_keeps_a_password_that_is_the_same(self, account):
        user = make_user(account=account, username="alice", role=Role.VIEWER)
        form = self.form(account, instance=user)
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {}

    def test_changes_role_and_password(self, account):
        user = make_user(account=account, username="alice", role=Role.VIEWER)
        form = self.form(account, instance=user, role="admin", password="another-horse-8")
        assert form.is_valid(), form.errors
        form.save(NOW)
        user.refresh_from_db()
        assert user.role == Role.ADMIN
        assert user.check_password("another-horse-8")
        assert form.changes == {"role": ["viewer", "admin"], "password": ["", "changed"]}

    def test_writes_no_password_into_the_audit_log(self, account):
        form = self.form(account)
        assert form.is_valid()
        form.save(NOW)
        assert PASSWORD not in str([event.changes for event in AuditEvent.objects.all()])


class TestStaffForm:
    def test_creates_staff_without_an_account(self):
        form = StaffForm({"username": "operator", "password": PASSWORD}, by=None)
        assert form.is_valid(), form.errors
        staff = form.save(NOW)
        assert staff.is_staff
        assert staff.account is None

    def test_refuses_a_taken_name(self):
        make_staff(login="operator")
        form = StaffForm({"username": "operator", "password": PASSWORD}, by=None)
        assert list(form.errors) == ["username"]

    def test_refuses_tenants(self):
        form = StaffForm({"username": "operator", "password": PASSWORD}, by=make_user())
        assert form.is_valid(), form.errors
        with pytest.raises(PermissionDenied):
            form.save(NOW)


class TestRegionForm:
    def form(self, instance=None, **changes) -> RegionForm:
        data = {
            "code": "lab-1",
            "numeric_id": 900,
            "name_en": "Lab",
            "name_zh": "实验室",
            "jurisdiction": "lab",
        }
        return RegionForm(data | changes, by=None, instance=instance)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("code", ""),
            ("code", "Lab 1"),
            ("code", "ap-guangzhou"),
            ("numeric_id", ""),
            ("numeric_id", "x"),
            ("numeric_id", 0),
            ("numeric_id", 1),
            ("name_en", ""),
            ("jurisdiction", ""),
        ],
    )
    def test_refuses_a_bad_value_at_its_field(self, field, value):
        assert list(self.form(**{field: value}).errors) == [field]

    def test_creates_a_region(self):
        form = self.form()
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert Region.objects.get(code="lab-1").numeric_id == 900

    def test_changes_a_region_that_a_migration_loaded(self):
        region = Region.objects.get(code="ap-hongkong")
        form = self.form(region, code="ap-hongkong", numeric_id=5, jurisdiction="cn-mainland")
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes["jurisdiction"] == ["cn-hongkong", "cn-mainland"]


class TestBackendForm:
    def form(self, instance=None, **changes) -> BackendForm:
        data = {"code": "main", "region": "ap-tokyo", "endpoint_url": "https://backend.example.com"}
        return BackendForm(data | changes, by=None, instance=instance)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"code": "a b"}, "code"),
            ({"region": "nowhere"}, "region"),
            ({"endpoint_url": "https://x/y"}, "endpoint_url"),
            ({"ca_pem": "x"}, "ca_pem"),
            ({"username": "u"}, "password"),
            ({"password": "p"}, "username"),
        ],
    )
    def test_refuses_a_bad_value_at_its_field(self, changes, field):
        assert list(self.form(**changes).errors) == [field]

    def test_creates_a_backend_and_leaves_it_alone_the_second_time(self):
        values = {"username": "u", "password": "p", "verify_tls": True}
        first = self.form(**values)
        assert first.is_valid(), first.errors
        backend = first.save(NOW)
        second = self.form(backend, **values)
        assert second.is_valid(), second.errors
        second.save(NOW)
        assert second.changes == {}
        assert Backend.objects.get().credential.open_password() == "p"

    def test_refuses_the_code_of_another_backend(self):
        make_backend(code="main")
        assert list(self.form().errors) == ["code"]

    def test_removes_a_credential(self):
        backend = make_backend(
            code="main",
            region=make_region("ap-tokyo"),
            endpoint_url="https://backend.example.com",
            username="u",
            password="p",
        )
        form = self.form(backend, verify_tls=True)
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert list(form.changes) == ["credential"]
        assert not hasattr(Backend.objects.get(), "credential")


class TestAccessCredentialForm:
    def form(self, instance=None, *, holder=None, by=None, **changes) -> AccessCredentialForm:
        holder = holder or (instance.instance if instance else make_instance())
        return AccessCredentialForm(
            {"username": "", "secret": "", "namespaces": ""} | changes,
            holder=holder,
            by=by,
            instance=instance,
        )

    @pytest.mark.parametrize(
        ("field", "value"),
        [("username", "UPPER"), ("username", "a b"), ("namespaces", "team/sub"), ("namespaces", ["Team"])],
    )
    def test_refuses_a_bad_value_at_its_field(self, field, value):
        assert list(self.form(**{field: value}).errors) == [field]

    def test_issues_a_user_level_credential_with_a_generated_secret(self):
        holder = make_instance()
        form = self.form(holder=holder, by=make_user(account=holder.account), namespaces="team, shop team")
        assert form.is_valid(), form.errors
        credential = form.save(NOW)
        assert credential.username == credential.instance.account.uin
        assert credential.namespaces == ["team", "shop"]
        assert len(form.issued_secret) > 20

    def test_issues_a_service_level_credential(self):
        form = self.form(username="robot", secret="given")
        assert form.is_valid(), form.errors
        assert form.save(NOW).username == "tcr$robot"
        assert form.issued_secret == "given"

    def test_refuses_the_name_of_another_service_account(self):
        credential = make_access_credential(username="tcr$robot")
        assert list(self.form(holder=credential.instance, username="robot").errors) == ["username"]

    def test_changes_secret_and_namespaces(self):
        credential = make_access_credential(namespaces=["team"])
        form = self.form(credential, namespaces=["team", "shop"], secret="another")
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {"namespaces": ["team", "team, shop"], "secret": ["", "changed"]}
        assert "another" not in str(AuditEvent.objects.get().changes)

    def test_leaves_a_credential_alone_with_its_own_secret(self):
        credential = make_access_credential()
        form = self.form(credential, secret=PASSWORD)
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {}
