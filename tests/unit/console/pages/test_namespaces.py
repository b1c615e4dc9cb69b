"""The pages of the namespaces that an instance knows by name."""

from __future__ import annotations

import pytest
from django.urls import reverse

from registries.models import AuditEvent, Instance, Namespace
from tests import factories
from tests.unit.console.reading import get_fragment, text_of

pytestmark = pytest.mark.django_db


def url(name: str, instance: Instance, *parts: str) -> str:
    return reverse(f"namespaces:{name}", args=[instance.instance_id, *parts])


@pytest.fixture
def namespace(source) -> Namespace:
    return factories.make_namespace(instance=source, name="team")


class TestListPage:
    def test_shows_the_namespaces_of_this_instance_only(self, page, source, target, namespace):
        factories.make_namespace(instance=target, name="elsewhere")
        response = page.get(url("list", source))
        assert "team No" in text_of(response)
        assert "elsewhere" not in text_of(response)
        assert (
            f"{reverse('repositories:list', args=[source.instance_id])}?q=team%2F"
            in response.content.decode()
        )

    def test_is_searched_and_sorted_by_the_url(self, page, source, namespace):
        for name in ("zebra", "tea"):
            factories.make_namespace(instance=source, name=name)
        fragment = get_fragment(page, f"{url('list', source)}?q=TEA&sort=-name", "namespaces-table")
        text = text_of(fragment)
        assert "<html" not in fragment.content.decode()
        assert text.index("team") < text.index(" tea ")
        assert "zebra" not in text
        assert "No namespace matches" in text_of(page.get(f"{url('list', source)}?q=nothing"))

    def test_says_what_to_do_where_there_are_none(self, page, viewer_page, source):
        assert "Create a namespace" in text_of(page.get(url("list", source)))
        assert "Whoever may push to the instance can create one." in text_of(
            viewer_page.get(url("list", source))
        )

    def test_offers_a_viewer_nothing_to_do(self, viewer_page, source, namespace):
        markup = viewer_page.get(url("list", source)).content.decode()
        for name in ("create", "delete", "publish"):
            parts = [] if name == "create" else ["team"]
            assert url(name, source, *parts) not in markup

    def test_costs_the_same_number_of_queries_for_many(self, page, source, django_assert_max_num_queries):
        for _number in range(60):
            factories.make_namespace(instance=source)
        with django_assert_max_num_queries(9):
            page.get(url("list", source))

    def test_is_reached_from_the_instance(self, page, source):
        path = reverse("instances:detail", args=[source.instance_id])
        assert url("list", source) in page.get(path).content.decode()


class TestCreate:
    def test_creates_a_namespace_and_notes_it(self, page, source):
        response = page.post(url("create", source), {"name": "team", "is_public": "on"}, follow=True)
        assert "Namespace team is created." in text_of(response)
        assert source.namespaces.get().is_public
        assert AuditEvent.objects.get().verb == "namespace.created"

    def test_says_at_the_name_what_is_wrong_with_it(self, page, source, namespace):
        for name in ("team", "Bad Name", ""):
            response = page.post(url("create", source), {"name": name})
            assert "name" in response.context["form"].errors
        assert source.namespaces.count() == 1


class TestSwitch:
    def test_makes_public_and_private_and_goes_back_to_where_it_was(self, page, source, namespace):
        back = f"{url('list', source)}?q=te"
        response = page.post(url("publish", source, "team"), {"next": back}, follow=True)
        assert response.redirect_chain[0][0] == back
        assert "Namespace team is public." in text_of(response)
        response = page.post(url("unpublish", source, "team"), follow=True)
        assert "Namespace team is private." in text_of(response)
        namespace.refresh_from_db()
        assert not namespace.is_public

    def test_does_not_reach_into_another_instance(self, page, target, namespace):
        assert page.post(url("publish", target, "team")).status_code == 404


class TestDelete:
    def test_asks_for_the_name(self, page, source, namespace):
        page.post(url("delete", source, "team"), {"name": "other"})
        assert source.namespaces.exists()
        response = page.post(url("delete", source, "team"), {"name": "team"}, follow=True)
        assert "Namespace team is deleted." in text_of(response)
        assert not source.namespaces.exists()

    def test_is_a_dialog_for_htmx(self, page, source, namespace):
        fragment = get_fragment(page, url("delete", source, "team"), "dialog")
        assert "<html" not in fragment.content.decode()
        assert "Delete namespace team?" in text_of(fragment)

    def test_clears_the_way_for_the_deletion_of_the_instance(self, page, source, namespace):
        path = reverse("instances:delete", args=[source.instance_id])
        response = page.post(path, {"name": "source"}, follow=True)
        assert "The instance has namespaces: team." in text_of(response)
        page.post(url("delete", source, "team"), {"name": "team"})
        page.post(path, {"name": "source"})
        assert not Instance.objects.filter(pk=source.pk).exists()
