import pytest

from registries.models import AuditEvent, Instance
from registries.services import contents
from tests import factories
from tests.unit.console.reading import get_fragment, text_of

pytestmark = pytest.mark.django_db


def form_data(**changes):
    return {
        "name": "new-registry",
        "edition": "standard",
        "region": "ap-guangzhou",
        "endpoint_url": "https://registry.example.com",
        "username": "",
        "password": "",
        "verify_tls": "on",
        "skip_check": "on",
    } | changes


class TestListPage:
    def test_shows_the_instances_of_the_account_only(self, page, source):
        factories.make_instance(name="foreign")
        text = text_of(page.get("/instances/"))
        assert "source" in text
        assert source.instance_id in text
        assert "foreign" not in text

    def test_invites_owners_to_create_the_first(self, page):
        assert "Create an instance" in text_of(page.get("/instances/"))

    def test_tells_viewers_who_can(self, viewer_page):
        assert "Owners and administrators of the account can create one." in text_of(
            viewer_page.get("/instances/")
        )

    @pytest.mark.parametrize("search", ["sour", "SOURCE", "127.0.0.1", "guangzhou"])
    def test_searches_names_endpoints_and_regions(self, page, source, search):
        factories.make_instance(
            account=source.account,
            name="other",
            endpoint_url="https://x.example",
            region=factories.make_region("eu-frankfurt"),
        )
        text = text_of(get_fragment(page, f"/instances/?q={search}", "instances-table"))
        assert source.instance_id in text
        assert "x.example" not in text

    @pytest.mark.parametrize("search", ["%00", "%25", "_", "'%22", "x" * 5000])
    def test_takes_any_search(self, page, source, search):
        assert page.get(f"/instances/?q={search}").status_code == 200

    def test_says_when_nothing_matches(self, page, source):
        assert "No instance matches" in text_of(page.get("/instances/?q=zzz"))

    @pytest.mark.parametrize(
        ("sort", "names"),
        [("name", ["source", "target"]), ("-name", ["target", "source"]), ("nonsense", ["source", "target"])],
    )
    def test_sorts_as_the_url_says(self, page, source, target, sort, names):
        response = page.get(f"/instances/?sort={sort}")
        assert [instance.name for instance in response.context["page"]] == names

    def test_shows_staff_whose_they_are(self, sign_in, source):
        assert "Example (100000000001)" in text_of(sign_in(factories.make_staff()).get("/instances/"))

    def test_asks_the_database_a_bounded_number_of_times(self, page, account, django_assert_max_num_queries):
        for _number in range(60):
            factories.make_instance(account=account)
        with django_assert_max_num_queries(6):
            assert "1–50 of 60" in text_of(page.get("/instances/"))


class TestDetail:
    def test_shows_what_the_instance_is(self, page, source, rule):
        factories.make_credential(instance=source, username="robot", password="very-secret")
        factories.make_finished_execution(rule=rule)
        text = text_of(page.get(f"/instances/{source.instance_id}/"))
        for expected in (
            source.instance_id,
            "Premium",
            "ap-guangzhou",
            "robot",
            "release",
            "Latest executions",
        ):
            assert expected in text
        assert "very-secret" not in text

    def test_says_why_it_is_unhealthy(self, page, source):
        Instance.objects.filter(pk=source.pk).update(health="unhealthy", health_detail="connection refused")
        assert "connection refused" in text_of(page.get(f"/instances/{source.instance_id}/"))

    def test_offers_viewers_no_change(self, viewer_page, source):
        markup = viewer_page.get(f"/instances/{source.instance_id}/").content
        assert b"/edit/" not in markup
        assert b"/delete/" not in markup

    def test_says_when_there_are_more_rules_than_it_shows(self, page, source, target):
        for _number in range(21):
            factories.make_rule(source=source, target=target)
        assert "All 21 rules" in text_of(page.get(f"/instances/{source.instance_id}/"))

    def test_asks_the_database_a_bounded_number_of_times(self, page, source, django_assert_max_num_queries):
        for _number in range(20):
            factories.make_finished_execution(rule=factories.make_rule(source=source))
        with django_assert_max_num_queries(10):
            page.get(f"/instances/{source.instance_id}/")


class TestCreate:
    def test_creates_an_instance_of_the_own_account(self, page, account):
        response = page.post("/instances/new/", form_data(), follow=True)
        created = Instance.objects.get(name="new-registry")
        assert created.account == account
        assert response.redirect_chain == [(f"/instances/{created.instance_id}/", 302)]
        assert "Instance new-registry is created." in text_of(response)

    def test_names_the_regions_in_the_order_of_the_vendor(self, page):
        words = text_of(page.get("/instances/new/"))
        assert words.index("(ap-guangzhou)") < words.index("(ap-shanghai)")
        assert "Choose a region" in words

    def test_marks_the_regions_that_a_hosted_instance_cannot_choose(self, page):
        factories.make_backend(region=factories.make_region("ap-shanghai"))
        words = page.get("/instances/new/").content.decode()
        assert '<option value="ap-guangzhou" data-when="connected">' in words
        assert '<option value="ap-shanghai">' in words

    def test_shows_errors_at_their_fields_and_saves_nothing(self, page):
        response = page.post("/instances/new/", form_data(name="!", endpoint_url="ftp://x"))
        assert response.status_code == 200
        assert {"name", "endpoint_url"} <= set(response.context["form"].errors)
        assert b'id="error-summary"' in response.content
        assert b'aria-invalid="true"' in response.content
        assert not Instance.objects.exists()

    def test_shows_an_unreachable_registry_at_its_address(self, page):
        data = form_data(endpoint_url="http://127.0.0.1:9")
        del data["skip_check"]
        response = page.post("/instances/new/", data)
        assert list(response.context["form"].errors) == ["endpoint_url"]
        assert not Instance.objects.exists()

    def test_never_shows_a_password_again(self, page):
        response = page.post("/instances/new/", form_data(name="!", username="robot", password="very-secret"))
        assert b"very-secret" not in response.content

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_refuses_viewers(self, viewer_page, method):
        response = getattr(viewer_page, method)("/instances/new/")
        assert response.status_code == 403
        assert "Only owners and administrators" in text_of(response)

    def test_tells_staff_that_they_have_no_account(self, sign_in):
        response = sign_in(factories.make_staff()).get("/instances/new/")
        assert response.status_code == 403
        assert "have no account" in text_of(response)


class TestUpdate:
    def test_changes_the_instance(self, page, source):
        data = form_data(name="renamed", edition="premium", endpoint_url=source.endpoint_url)
        response = page.post(f"/instances/{source.instance_id}/edit/", data, follow=True)
        source.refresh_from_db()
        assert source.name == "renamed"
        assert "Instance renamed is saved." in text_of(response)

    def test_keeps_the_old_name_in_the_head_of_a_refused_form(self, page, source):
        response = page.post(f"/instances/{source.instance_id}/edit/", form_data(name="!"))
        assert "Edit source" in text_of(response)

    def test_refuses_a_lower_edition_at_its_field(self, page, source):
        response = page.post(
            f"/instances/{source.instance_id}/edit/", form_data(name="source", edition="basic")
        )
        assert list(response.context["form"].errors) == ["edition"]

    def test_refuses_viewers(self, viewer_page, source):
        assert viewer_page.get(f"/instances/{source.instance_id}/edit/").status_code == 403

    def test_works_for_a_hosted_instance(self, page, account):
        hosted = factories.make_hosted_instance(account=account)
        response = page.get(f"/instances/{hosted.instance_id}/edit/")
        assert response.status_code == 200
        assert b'name="endpoint_url"' not in response.content


class TestDelete:
    def test_asks_for_the_name(self, page, source):
        assert "Type source to confirm" in text_of(page.get(f"/instances/{source.instance_id}/delete/"))

    def test_deletes_when_the_name_is_typed(self, page, source):
        response = page.post(f"/instances/{source.instance_id}/delete/", {"name": "source"}, follow=True)
        assert "Instance source is deleted." in text_of(response)
        assert not Instance.objects.exists()
        assert AuditEvent.objects.filter(verb="instance.deleted").exists()

    @pytest.mark.parametrize("typed", ["", "sourc", "SOURCE"])
    def test_deletes_nothing_otherwise(self, page, source, typed):
        response = page.post(f"/instances/{source.instance_id}/delete/", {"name": typed})
        assert response.status_code == 200
        assert "name" in response.context["form"].errors
        assert Instance.objects.exists()

    def test_shows_why_an_instance_in_use_stays(self, page, rule):
        url = f"/instances/{rule.source.instance_id}/delete/"
        response = page.post(url, {"name": "source"}, follow=True)
        assert "Synchronization rules use this instance: release." in text_of(response)

    def test_names_all_obstacles_before_it_asks_for_the_name(self, page, rule):
        Instance.objects.filter(pk=rule.source.pk).update(is_deletion_protected=True)
        response = page.get(f"/instances/{rule.source.instance_id}/delete/")
        assert "Deletion protection is on." in text_of(response)
        assert "Synchronization rules use this instance: release." in text_of(response)
        assert b'name="name"' not in response.content

    def test_does_not_say_of_a_hosted_one_that_its_images_stay(self, page, account, monkeypatch):
        hosted = factories.make_hosted_instance(account=account)
        monkeypatch.setattr(contents, "find_obstacle", lambda instance: "")
        words = text_of(page.get(f"/instances/{hosted.instance_id}/delete/"))
        assert "It holds no images" in words
        assert "is not touched" not in words

    def test_names_the_images_of_a_hosted_one(self, page, account, monkeypatch):
        hosted = factories.make_hosted_instance(account=account)
        monkeypatch.setattr(contents, "find_obstacle", lambda instance: "Images are in the way.")
        assert "Images are in the way." in text_of(page.get(f"/instances/{hosted.instance_id}/delete/"))

    def test_opens_in_a_dialog(self, page, source):
        response = get_fragment(page, f"/instances/{source.instance_id}/delete/", "dialog")
        assert b"<html" not in response.content
        assert b'name="name"' in response.content

    def test_refuses_viewers(self, viewer_page, source):
        assert (
            viewer_page.post(f"/instances/{source.instance_id}/delete/", {"name": "source"}).status_code
            == 403
        )
