import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory

from console.shared import errors, logs
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db


class TestNotFound:
    def test_shows_the_request_id_inside_the_console(self, page):
        response = page.get("/no/such/page", headers={"X-Request-ID": "trace-12345"})
        assert response.status_code == 404
        assert "trace-12345" in text_of(response)
        assert "Instances" in text_of(response)

    def test_shows_strangers_no_navigation(self, client):
        response = client.get("/no/such/page")
        assert response.status_code == 404
        assert "Instances" not in text_of(response)


class TestPermissionDenied:
    def test_shows_the_reason(self, rf, owner):
        request = rf.get("/")
        request.user = owner
        request.resolver_match = None
        response = errors.permission_denied(request, PermissionDenied("Only owners may."))
        assert response.status_code == 403
        assert "Only owners may." in text_of(response)


class TestCsrfFailure:
    def test_says_what_to_do(self, owner):
        client = Client(enforce_csrf_checks=True)
        client.force_login(owner)
        response = client.post("/preferences/", {"theme": "dark"})
        assert response.status_code == 403
        assert "This form has expired" in text_of(response)


class TestServerError:
    def test_needs_no_database(self, django_assert_num_queries):
        token = logs.request_id.set("trace-12345")
        try:
            with django_assert_num_queries(0):
                response = errors.server_error(RequestFactory().get("/"))
        finally:
            logs.request_id.reset(token)
        assert response.status_code == 500
        assert "trace-12345" in text_of(response)

    def test_is_what_a_broken_view_ends_in(self, page, monkeypatch):
        monkeypatch.setattr("syncjobs.queries.overview.overview", lambda user, now: 1 / 0)
        page.raise_request_exception = False
        response = page.get("/")
        assert response.status_code == 500
        assert "Something went wrong" in text_of(response)


class TestBadRequest:
    def test_shows_a_page(self, client):
        response = client.get("/sign-in/", headers={"Host": "evil.example"})
        assert response.status_code == 400
        assert "Bad request" in text_of(response)
