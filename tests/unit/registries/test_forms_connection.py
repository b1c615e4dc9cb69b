"""The form of instances tries the connection out, and blames the right field."""

import http.server
import ssl
import threading

import pytest
from django.utils import timezone

from registries.forms import InstanceForm
from registries.forms.instance import values_of
from tests.factories import make_account, make_instance, make_staff, make_user
from tests.fakes.auth import BasicAuth, BearerAuth
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.servers.certificates import self_signed
from tests.servers.processes import find_free_port

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def account():
    return make_account()


@pytest.fixture
def registry():
    with FakeRegistry(auth=BasicAuth("robot", "right")) as running:
        yield running


def instance_form(account, *, by=None, **changes) -> InstanceForm:
    data = {"name": "production", "edition": "standard", "region": "ap-guangzhou", "verify_tls": True}
    return InstanceForm(data | changes, account=account, by=by)


class TestInstanceFormConnection:
    def test_tries_a_new_connection(self, account, registry):
        form = instance_form(account, endpoint_url=registry.url, username="robot", password="right")
        assert form.is_valid(), form.errors
        assert registry.count("GET", r"^/v2/$") >= 1

    def test_takes_tokens(self, account):
        with FakeRegistry(auth=BearerAuth("robot", "right")) as registry:
            good = instance_form(account, endpoint_url=registry.url, username="robot", password="right")
            bad = instance_form(account, endpoint_url=registry.url, username="robot", password="wrong")
            assert good.is_valid(), good.errors
            assert list(bad.errors) == ["password"]

    def test_blames_the_password(self, account, registry):
        form = instance_form(account, endpoint_url=registry.url, username="robot", password="wrong-s3cret")
        assert list(form.errors) == ["password"]
        assert "wrong-s3cret" not in str(form.errors)

    def test_blames_a_missing_username(self, account, registry):
        form = instance_form(account, endpoint_url=registry.url)
        assert list(form.errors) == ["username"]

    def test_blames_the_address_where_nothing_listens(self, account):
        form = instance_form(account, endpoint_url=f"http://127.0.0.1:{find_free_port()}")
        assert list(form.errors) == ["endpoint_url"]

    def test_blames_the_address_for_a_name_that_is_none(self, account):
        form = instance_form(account, endpoint_url="http://registry.invalid:5000")
        assert list(form.errors) == ["endpoint_url"]

    @pytest.mark.parametrize("status", [404, 418, 500, 503])
    def test_blames_the_address_for_something_that_is_no_registry(self, account, status):
        with FakeRegistry() as registry:
            registry.fault(Fault(path="/v2/", status=status, times=None))
            form = instance_form(account, endpoint_url=registry.url)
            assert list(form.errors) == ["endpoint_url"]

    def test_blames_the_username_for_what_it_may_not_do(self, account):
        with FakeRegistry() as registry:
            registry.fault(Fault(path="/v2/", status=403, times=None))
            form = instance_form(account, endpoint_url=registry.url, username="robot", password="x")
            assert list(form.errors) == ["username"]

    def test_blames_the_address_for_plain_http_behind_https(self, account, registry):
        form = instance_form(account, endpoint_url=registry.url.replace("http:", "https:"), verify_tls=False)
        assert list(form.errors) == ["endpoint_url"]

    def test_skips_the_try_when_told_to(self, account):
        form = instance_form(account, endpoint_url="http://127.0.0.1:1", skip_check=True)
        assert form.is_valid(), form.errors

    def test_does_not_try_an_unchanged_connection(self, account, registry):
        instance = make_instance(
            account=account, endpoint_url=registry.url, username="robot", password="right"
        )
        form = InstanceForm(
            values_of(instance) | {"name": "renamed"}, account=account, by=None, instance=instance
        )
        assert form.is_valid(), form.errors
        assert registry.count() == 0

    def test_tries_a_changed_connection_with_the_stored_password(self, account, registry):
        instance = make_instance(
            account=account, endpoint_url=registry.url, username="robot", password="right"
        )
        form = InstanceForm(
            values_of(instance) | {"verify_tls": False}, account=account, by=None, instance=instance
        )
        assert form.is_valid(), form.errors
        assert registry.count() >= 1

    def test_does_not_connect_while_another_field_is_wrong(self, account, registry):
        form = instance_form(account, endpoint_url=registry.url, name="X")
        assert list(form.errors) == ["name"]
        assert registry.count() == 0

    @pytest.mark.parametrize("is_staff", [True, False])
    def test_names_the_setting_to_the_operator_only(self, account, settings, is_staff):
        settings.ALLOWED_NETWORKS = []
        by = make_staff() if is_staff else make_user(account=account)
        form = instance_form(account, by=by, endpoint_url="http://127.0.0.1:5000")
        assert list(form.errors) == ["endpoint_url"]
        assert ("REGATTA_ALLOWED_NETWORKS" in form.errors["endpoint_url"][0]) is is_staff


@pytest.fixture
def certificate():
    return self_signed("registry")


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def tls_url(certificate, tmp_path):
    """Return the address of a server that says yes to everything, over TLS."""
    pem = tmp_path / "server.pem"
    pem.write_text("".join(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


class TestInstanceFormTls:
    def test_blames_the_verification_for_an_untrusted_certificate(self, account, tls_url):
        form = instance_form(account, endpoint_url=tls_url)
        assert list(form.errors) == ["verify_tls"]

    def test_connects_without_verification(self, account, tls_url):
        form = instance_form(account, endpoint_url=tls_url, verify_tls=False)
        assert form.is_valid(), form.errors

    def test_connects_with_the_right_authority(self, account, tls_url, certificate):
        form = instance_form(account, endpoint_url=tls_url, ca_pem=certificate[1])
        assert form.is_valid(), form.errors

    def test_blames_the_wrong_authority(self, account, tls_url):
        form = instance_form(account, endpoint_url=tls_url, ca_pem=self_signed("other")[1])
        assert list(form.errors) == ["ca_pem"]


class TestInstanceFormHealth:
    def test_keeps_what_the_trial_of_the_connection_has_shown(self, account, registry):
        form = instance_form(account, endpoint_url=registry.url, username="robot", password="right")
        assert form.is_valid(), form.errors
        instance = form.save(NOW)
        instance.refresh_from_db()
        assert (instance.health, instance.health_checked_at) == ("healthy", NOW)

    def test_knows_nothing_of_a_connection_that_was_not_tried(self, account):
        form = instance_form(account, endpoint_url="http://127.0.0.1:1", skip_check=True)
        assert form.is_valid(), form.errors
        instance = form.save(NOW)
        instance.refresh_from_db()
        assert (instance.health, instance.health_checked_at) == ("unknown", None)
