"""The form of instances: errors at the field that caused them, and what saving does."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from registries.forms import InstanceForm
from registries.forms.instance import values_of
from registries.models import AuditEvent, Edition, Instance, Role
from tests.factories import make_account, make_hosted_instance, make_instance, make_user

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def account():
    return make_account()


def instance_data(**changes) -> dict[str, Any]:
    data = {
        "name": "production",
        "edition": "standard",
        "region": "ap-guangzhou",
        "endpoint_url": "https://registry.example.com",
        "username": "",
        "password": "",
        "verify_tls": True,
        "ca_pem": "",
    }
    return data | changes


def instance_form(account, *, by=None, instance=None, check=False, **changes) -> InstanceForm:
    return InstanceForm(instance_data(**changes), account=account, by=by, instance=instance, check=check)


def errors_of(form) -> dict[str, list[str]]:
    return {name: list(messages) for name, messages in form.errors.items()}


class TestInstanceFormFields:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""),
            ("name", "abcd"),
            ("name", "a" * 51),
            ("name", "Production"),
            ("name", "-production"),
            ("name", "production-"),
            ("name", "pro duction"),
            ("name", "生产环境实例"),
            ("edition", "gold"),
            ("edition", ""),
            ("region", "ap-nowhere"),
            ("region", ""),
            ("endpoint_url", ""),
            ("endpoint_url", "ftp://registry.example.com"),
            ("endpoint_url", "https://user:secret@registry.example.com"),
            ("endpoint_url", "https://registry.example.com/team"),
            ("endpoint_url", "https://registry.example.com?x=1"),
            ("endpoint_url", "https://registry.example.com:port"),
            ("endpoint_url", "https://registry.example.com:0"),
            ("endpoint_url", "https://registry.example.com:99999"),
            ("endpoint_url", "https://"),
            ("endpoint_url", "https://bad host"),
            ("endpoint_url", "https://[::1"),
            ("endpoint_url", "https://" + "a" * 255),
            ("username", "x" * 256),
            ("ca_pem", "no certificate"),
            ("requests_per_second", "0"),
            ("requests_per_second", "many"),
            ("bandwidth", "10 B/s"),
            ("bandwidth", "fast"),
            ("bandwidth_windows", "at night"),
            ("name", "nul\x00nul"),
            ("username", "half\ud800"),
            ("password", "half\ud800"),
        ],
    )
    def test_refuses_a_bad_value_at_its_field(self, account, field, value):
        form = instance_form(account, **{field: value})
        assert not form.is_valid()
        assert list(form.errors) == [field]

    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("registry.example.com", "https://registry.example.com"),
            ("HTTPS://Registry.Example.com/", "https://registry.example.com"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("localhost:5000", "https://localhost:5000"),
            ("https://[::1]:5000", "https://[::1]:5000"),
            ("  registry.example.com:443  ", "https://registry.example.com:443"),
            ("Docker.io", "https://registry-1.docker.io"),
            ("https://index.docker.io", "https://registry-1.docker.io"),
        ],
    )
    def test_keeps_an_address_in_one_form(self, account, typed, kept):
        form = instance_form(account, endpoint_url=typed)
        assert form.is_valid(), form.errors
        assert form.cleaned_data["endpoint_url"] == kept

    def test_never_repeats_a_password_written_into_the_address(self, account):
        form = instance_form(account, endpoint_url="https://user:s3cret@registry.example.com")
        assert "s3cret" not in str(errors_of(form))

    def test_refuses_a_name_that_the_account_has(self, account):
        make_instance(account=account, name="production")
        assert list(instance_form(account).errors) == ["name"]

    def test_accepts_a_name_that_another_account_has(self, account):
        make_instance(name="production")
        assert instance_form(account).is_valid()

    def test_asks_for_the_password_of_a_username(self, account):
        assert list(instance_form(account, username="robot").errors) == ["password"]

    def test_asks_for_the_username_of_a_password(self, account):
        assert list(instance_form(account, password="right").errors) == ["username"]

    def test_reports_errors_of_all_fields_at_once(self, account):
        form = instance_form(account, name="X", region="nowhere", endpoint_url="ftp://x")
        assert set(form.errors) == {"name", "region", "endpoint_url"}

    def test_has_no_instance_id_unless_asked_for(self, account):
        assert "instance_id" not in instance_form(account).fields


class TestInstanceFormSave:
    def test_creates_the_instance_with_its_credential(self, account):
        form = instance_form(account, username="robot", password=" right ")
        assert form.is_valid(), form.errors
        instance = form.save(NOW)
        assert instance.account == account
        assert instance.endpoint().username == "robot"
        assert instance.endpoint().password == " right "

    def test_leaves_an_instance_alone_with_its_own_values(self, account):
        instance = make_instance(
            account=account,
            username="robot",
            password="right",
            requests_per_second=2.5,
            bandwidth=10_000_000,
            bandwidth_windows="08:00-18:00 5MB/s",
        )
        form = InstanceForm(values_of(instance), account=account, by=None, instance=instance)
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {}
        assert not AuditEvent.objects.exists()

    def test_keeps_the_stored_password_when_none_is_entered(self, account):
        instance = make_instance(account=account, username="robot", password="right")
        form = InstanceForm(
            values_of(instance) | {"name": "renamed"}, account=account, by=None, instance=instance
        )
        assert form.is_valid(), form.errors
        form.save(NOW)
        instance.refresh_from_db()
        assert instance.name == "renamed"
        assert instance.endpoint().password == "right"

    def test_changes_a_password(self, account):
        instance = make_instance(account=account, username="robot", password="wrong")
        form = InstanceForm(
            values_of(instance) | {"password": "right"},
            account=account,
            by=None,
            instance=instance,
            check=False,
        )
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {"credential": ["", "changed"]}
        assert Instance.objects.get().endpoint().password == "right"

    @pytest.mark.parametrize(
        "changes", [{"endpoint_url": "http://127.0.0.1:1"}, {"username": "somebody-else"}]
    )
    def test_does_not_take_a_stored_password_elsewhere(self, account, changes):
        instance = make_instance(account=account, username="robot", password="right")
        form = InstanceForm(
            values_of(instance) | changes, account=account, by=None, instance=instance, check=False
        )
        assert list(form.errors) == ["password"]

    def test_refuses_a_lower_edition(self, account):
        instance = make_instance(account=account, edition=Edition.PREMIUM)
        form = InstanceForm(
            values_of(instance) | {"edition": "basic"}, account=account, by=None, instance=instance
        )
        assert list(form.errors) == ["edition"]

    def test_shows_no_connection_of_a_hosted_instance(self, account):
        instance = make_hosted_instance(account=account)
        form = InstanceForm(
            {"name": "renamed", "edition": "premium", "region": instance.region.code},
            account=account,
            by=None,
            instance=instance,
        )
        assert "endpoint_url" not in form.fields
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert Instance.objects.get().name == "renamed"

    def test_leaves_the_decision_who_may_to_the_service(self, account):
        form = instance_form(account, by=make_user(account=account, role=Role.OPERATOR))
        assert form.is_valid()
        with pytest.raises(PermissionDenied):
            form.save(NOW)

    def test_fixes_an_instance_id_for_the_platform(self, account):
        form = InstanceForm(
            instance_data(instance_id="tcr-abcd1234"), account=account, by=None, check=False, with_id=True
        )
        assert form.is_valid(), form.errors
        assert form.save(NOW).instance_id == "tcr-abcd1234"

    @pytest.mark.parametrize("value", ["tcr-SHORT", "tcr-abcd12345", "abcd", "tcr-taken001"])
    def test_refuses_a_malformed_or_taken_instance_id(self, account, value):
        make_instance(instance_id="tcr-taken001")
        form = InstanceForm(
            instance_data(instance_id=value), account=account, by=None, check=False, with_id=True
        )
        assert list(form.errors) == ["instance_id"]
