"""The staff's pages of regions, backends and workers: what they show and change, and that tenants have none."""

from datetime import timedelta

import pytest
from django.utils import timezone

from registries.models import AuditEvent, Backend, Credential, Region
from registries.services import hooks
from syncjobs.models import PushEvent
from tests import factories
from tests.fakes.registry import FakeRegistry
from tests.unit.console.reading import get_fragment, table_heads, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff_page(sign_in):
    return sign_in(factories.make_staff())


@pytest.fixture
def registry():
    with FakeRegistry() as running:
        yield running


def backend_data(**changes):
    return {
        "code": "gz-1",
        "region": "ap-guangzhou",
        "endpoint_url": "http://127.0.0.1:9",
        "verify_tls": "on",
        "is_active": "on",
    } | changes


class TestRegions:
    def test_lists_them_with_what_stands_in_them(self, staff_page, source):
        factories.make_backend(region=source.region)
        response = staff_page.get("/platform/regions/")
        assert table_heads(response)[:4] == ["Code", "Numeric ID", "Name", "Jurisdiction"]
        assert "ap-guangzhou 1 South China (Guangzhou) 华南地区（广州） cn-mainland 1 1 0" in text_of(
            response
        )

    def test_changes_a_jurisdiction_and_notes_it(self, staff_page):
        region = Region.objects.get(code="ap-tokyo")
        data = {
            "code": "ap-tokyo",
            "numeric_id": 25,
            "name_en": region.name_en,
            "name_zh": region.name_zh,
            "jurisdiction": "cn-mainland",
        }
        response = staff_page.post("/platform/regions/ap-tokyo/edit/", data, follow=True)
        assert "Region ap-tokyo is saved." in text_of(response)
        assert AuditEvent.objects.get().changes == {"jurisdiction": ["jp", "cn-mainland"]}

    def test_shows_what_is_stored_in_the_form(self, staff_page):
        assert b'value="jp"' in staff_page.get("/platform/regions/ap-tokyo/edit/").content

    def test_refuses_a_number_that_is_taken(self, staff_page):
        data = {"code": "lab", "numeric_id": 1, "name_en": "L", "name_zh": "L", "jurisdiction": "lab"}
        response = staff_page.post("/platform/regions/new/", data)
        assert "The region ap-guangzhou has this number." in text_of(response)
        staff_page.post("/platform/regions/new/", data | {"numeric_id": 9001})
        assert Region.objects.filter(code="lab").exists()


class TestBackends:
    def test_lists_health_and_capacity(self, staff_page):
        full = factories.make_backend(capacity=1, health="unhealthy", health_detail="unreachable: refused")
        factories.make_replica(backend=full)
        factories.make_backend(is_active=False)
        text = text_of(staff_page.get("/platform/backends/"))
        assert "Unhealthy unreachable: refused" in text
        assert "1 of 1 Full" in text
        assert "0, no limit" in text
        assert "Out of service" in text

    def test_counts_instances_and_replicas_apart(self, staff_page):
        backend = factories.make_backend()
        for _number in range(2):
            factories.make_hosted_instance(backend=backend)
        for _number in range(3):
            factories.make_replica(backend=backend)
        (row,) = staff_page.get("/platform/backends/").context["page"].object_list
        assert (row.instance_count, row.replica_count, row.tenant_count) == (2, 3, 5)

    def test_creates_one_and_checks_it_at_once(self, staff_page, registry):
        data = backend_data(endpoint_url=registry.url, username="robot", password="very-secret", capacity="7")
        response = staff_page.post("/platform/backends/new/", data, follow=True)
        backend = Backend.objects.get()
        assert (backend.capacity, backend.health, backend.is_active) == (7, "healthy", True)
        assert "Backend gz-1 is healthy." in text_of(response)
        assert Credential.objects.get().open_password() == "very-secret"
        assert b"very-secret" not in response.content

    def test_keeps_one_that_does_not_answer_and_says_so(self, staff_page):
        response = staff_page.post("/platform/backends/new/", backend_data(), follow=True)
        assert Backend.objects.get().health == "unhealthy"
        assert "Backend gz-1 cannot be used: unreachable" in text_of(response)

    def test_takes_one_out_of_service(self, staff_page):
        factories.make_backend(code="gz-1", region=factories.make_region("ap-guangzhou"), health="healthy")
        data = backend_data(endpoint_url=Backend.objects.get().endpoint_url)
        del data["is_active"]
        staff_page.post("/platform/backends/gz-1/edit/", data)
        assert not Backend.objects.get().is_active

    def test_keeps_one_in_its_region_while_something_lives_in_it(self, staff_page):
        backend = factories.make_backend(code="gz-1", region=factories.make_region("ap-guangzhou"))
        factories.make_hosted_instance(backend=backend)
        response = staff_page.post("/platform/backends/gz-1/edit/", backend_data(region="ap-tokyo"))
        assert list(response.context["form"].errors) == ["region"]

    def test_checks_one_on_demand(self, staff_page, registry):
        factories.make_backend(code="gz-1", endpoint_url=registry.url)
        response = staff_page.post("/platform/backends/gz-1/check/", follow=True)
        assert "Backend gz-1 is healthy." in text_of(response)
        assert Backend.objects.get().last_healthy_at

    def test_shows_no_password(self, staff_page):
        factories.make_backend(code="gz-1", username="robot", password="very-secret")
        markup = staff_page.get("/platform/backends/gz-1/edit/").content
        assert b'value="robot"' in markup
        assert b"very-secret" not in markup


class TestBackendHook:
    def test_tells_what_to_configure_and_shows_a_new_secret_once(self, staff_page):
        factories.make_hosted_instance(backend=factories.make_backend(code="gz-1"))
        assert "no push events" in text_of(staff_page.get("/platform/backends/"))
        before = text_of(staff_page.get("/platform/backends/gz-1/hook/"))
        assert "/hooks/backends/gz-1" in before
        assert "No secret has been made yet" in before
        made = staff_page.post("/platform/backends/gz-1/hook/rotate/")
        assert "no-store" in made.headers["Cache-Control"]
        backend = Backend.objects.get()
        secret = made.context["hook"].secret
        assert hooks.find_authorized_backend(code="gz-1", authorization=secret) == backend
        assert secret in text_of(made)
        again = staff_page.get("/platform/backends/gz-1/hook/")
        assert secret not in again.content.decode()
        assert "Replace the secret" in text_of(again)
        assert "no push events" not in text_of(staff_page.get("/platform/backends/"))


class TestWorkers:
    def test_tells_how_to_start_a_worker_while_none_is_alive(self, staff_page):
        text = text_of(staff_page.get("/platform/workers/"))
        assert "No worker is alive" in text
        assert "manage.py worker" in text
        factories.make_worker()
        assert "No worker is alive" not in text_of(staff_page.get("/platform/workers/"))

    def test_lists_those_that_are_alive_and_those_that_are_gone(self, staff_page):
        factories.make_worker(name="one:1", is_supervisor=True)
        factories.make_worker(name="one:2", job_count=7)
        factories.make_worker(name="two:3", heartbeat_at=timezone.now() - timedelta(hours=3))
        response = staff_page.get("/platform/workers/")
        assert table_heads(response) == ["Name", "Kind", "Status", "Last heartbeat", "Jobs in hand"]
        text = text_of(response)
        assert "one:1 Supervisor Alive" in text
        assert "one:2 Drain Alive" in text
        assert "two:3 Drain Gone 3 h 00 min ago 0" in text

    def test_says_so_when_all_are_gone(self, staff_page):
        factories.make_worker(name="two:3", heartbeat_at=timezone.now() - timedelta(hours=3))
        text = text_of(staff_page.get("/platform/workers/"))
        assert "No worker is alive" in text
        assert "two:3 Drain Gone" in text

    def test_shows_the_queue(self, staff_page, source):
        now = timezone.now()
        running = factories.make_execution(status="running", paused_until=now + timedelta(hours=1))
        factories.make_job(execution=running, not_before=now - timedelta(hours=2))
        factories.make_job(execution=running, not_before=now + timedelta(hours=1))
        factories.make_job(execution=running, status="running")
        factories.make_execution(status="pending")
        factories.make_execution(status="failed")
        factories.make_finished_execution()
        PushEvent.objects.create(instance=source, received_at=now - timedelta(hours=4))
        text = text_of(staff_page.get("/platform/workers/"))
        assert "Jobs due 1 the oldest for 2 h 00 min" in text
        assert "Jobs waiting 2 " in text
        assert "Jobs running 1 " in text
        assert "Executions in progress 1 1 pending" in text
        assert "Executions paused 1 " in text
        assert "Executions finished, last 24 h 2 1 failed · 0 stopped" in text
        assert "Push events unhandled 1 the oldest for 4 h 00 min" in text

    def test_refreshes_as_a_fragment_and_only_while_something_runs(self, staff_page):
        assert b"data-poll" not in staff_page.get("/platform/workers/").content
        factories.make_execution(status="running")
        response = get_fragment(staff_page, "/platform/workers/", "workers-live")
        assert b"data-poll" in response.content
        assert b"<html" not in response.content


class TestTenants:
    @pytest.mark.parametrize(
        "url",
        [
            "/platform/regions/",
            "/platform/regions/new/",
            "/platform/regions/ap-tokyo/edit/",
            "/platform/backends/",
            "/platform/backends/new/",
            "/platform/backends/gz-1/edit/",
            "/platform/backends/gz-1/hook/",
            "/platform/backends/gz-1/hook/rotate/",
            "/platform/workers/",
        ],
    )
    def test_have_no_such_pages(self, page, url):
        factories.make_backend(code="gz-1")
        assert page.get(url).status_code in {404, 405}
        assert page.post(url, {}).status_code in {404, 405}

    def test_see_no_link_to_them(self, page, staff_page):
        assert b"/platform/" not in page.get("/").content
        assert b"/platform/backends/" in staff_page.get("/").content


class TestHostedInstancePages:
    def test_offers_both_kinds_and_creates_a_hosted_one(self, page):
        factories.make_backend(region=factories.make_region("ap-shanghai"))
        text = text_of(page.get("/instances/new/"))
        assert "Connected: a registry that exists already" in text
        assert "Hosted: a new registry on this platform" in text
        data = {"kind": "hosted", "name": "hosted-one", "edition": "premium", "region": "ap-shanghai"}
        response = page.post("/instances/new/", data, follow=True)
        assert "Instance hosted-one is created." in text_of(response)

    def test_shows_the_push_address_and_the_prefix_nowhere_else(self, page, account):
        hosted = factories.make_hosted_instance(account=account, name="hosted-one", prefix="rprefix0123")
        markup = page.get(f"/instances/{hosted.instance_id}/").content.decode()
        text = text_of(page.get(f"/instances/{hosted.instance_id}/"))
        assert f"Push address {hosted.address}" in text
        assert markup.count("rprefix0123") == 2  # the address, and its copy button
        assert "Registry account" not in text
        for url in ("/", f"/instances/{hosted.instance_id}/edit/", "/replication/", "/synchronization/"):
            assert "rprefix0123" not in page.get(url).content.decode(), url

    def test_names_what_stands_in_the_way_of_a_deletion(self, page, account):
        replica = factories.make_replica(
            primary=factories.make_instance(account=account, name="primary", edition="premium"),
            backend=factories.make_backend(region=factories.make_region("ap-shanghai")),
        )
        url = f"/instances/{replica.primary.instance_id}/delete/"
        response = page.post(url, {"name": "primary"}, follow=True)
        assert "The instance has 1 replica (East China (Shanghai)). Delete it first." in text_of(response)
