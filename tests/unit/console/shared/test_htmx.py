import pytest
from django.test import RequestFactory

from console.shared import htmx


def back(target, **extra):
    request = RequestFactory().post("/x/", {"next": target}, **extra)
    return htmx.redirect_back(request, fallback="/fallback/").url


class TestRedirectBack:
    def test_goes_where_the_form_says(self):
        assert back("/synchronization/?page=2") == "/synchronization/?page=2"

    @pytest.mark.parametrize("target", ["", "https://evil.example/", "//evil.example", "javascript:alert(1)"])
    def test_leaves_this_console_for_nobody(self, target):
        assert back(target) == "/fallback/"


@pytest.mark.django_db
class TestRender:
    def test_answers_with_the_page_without_htmx(self, page, source):
        response = page.get("/instances/")
        assert b"<html" in response.content

    def test_answers_with_the_fragment_that_is_asked_for(self, page, source):
        response = page.get("/instances/", headers={"HX-Request": "true", "HX-Target": "instances-table"})
        assert b"<html" not in response.content
        assert b'id="instances-table"' in response.content

    def test_answers_with_the_page_for_an_unknown_fragment(self, page, source):
        response = page.get("/instances/", headers={"HX-Request": "true", "HX-Target": "other"})
        assert b"<html" in response.content

    def test_keeps_caches_from_mixing_them_up(self, page, source):
        assert "HX-Target" in page.get("/instances/").headers["Vary"]

    def test_brings_waiting_messages_along(self, page, rule):
        headers = {"HX-Request": "true", "HX-Target": "rules-table"}
        list_url = f"/synchronization/?instance={rule.source.instance_id}"
        url = f"/synchronization/rules/{rule.pk}/disable/"
        response = page.post(url, {"next": list_url}, headers=headers, follow=True)
        assert b'hx-swap-oob="beforeend"' in response.content
        assert b"Rule release is disabled." in response.content
        assert b"<html" not in response.content
