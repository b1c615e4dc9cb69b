import json
import logging

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from console.shared import logs, request_id
from registries.origin import client_address


def call(inside=None, **extra):
    """Send a request through the middleware; return the response and what the view saw."""
    seen: dict[str, str | None] = {}

    def view(request):
        seen["id"] = logs.request_id.get()
        seen["address"] = client_address.get()
        if inside:
            inside()
        return HttpResponse()

    response = request_id.RequestIdMiddleware(view)(RequestFactory().get("/", **extra))
    return response, seen


class TestRequestIdMiddleware:
    def test_makes_an_id_and_answers_with_it(self):
        response, seen = call()
        assert len(seen["id"]) == 32
        assert response.headers["X-Request-ID"] == seen["id"]

    def test_keeps_a_sensible_id_of_the_caller(self):
        response, seen = call(headers={"X-Request-ID": "trace-0123456789"})
        assert seen["id"] == response.headers["X-Request-ID"] == "trace-0123456789"

    @pytest.mark.parametrize("offered", ["short", "x" * 65, "has blanks in it", "<script>alert</script>"])
    def test_replaces_an_id_that_could_do_harm(self, offered):
        _, seen = call(headers={"X-Request-ID": offered})
        assert seen["id"] != offered
        assert len(seen["id"]) == 32

    def test_forgets_the_id_afterwards_even_after_an_error(self):
        def explode():
            raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011 - raised right here
            call(inside=explode)
        assert logs.request_id.get() == ""
        assert client_address.get() is None

    def test_tells_the_audit_log_the_address(self):
        assert call(REMOTE_ADDR="192.0.2.7")[1]["address"] == "192.0.2.7"

    def test_knows_no_address_of_a_unix_socket(self):
        assert call(REMOTE_ADDR="")[1]["address"] is None

    def test_ignores_a_forwarded_address_without_a_trusted_proxy(self):
        seen = call(REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": "198.51.100.1"})[1]
        assert seen["address"] == "192.0.2.7"

    def test_takes_the_address_that_a_trusted_proxy_added(self, settings):
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        seen = call(REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": "6.6.6.6, 2001:db8::1"})[1]
        assert seen["address"] == "2001:db8::1"


class TestJsonFormatter:
    def test_writes_one_object_with_the_request_id(self):
        record = logging.LogRecord("regatta", logging.INFO, "f.py", 1, "copied %s", ("日志",), None)
        lines = []
        call(
            inside=lambda: lines.append(logs.JsonFormatter().format(record)),
            headers={"X-Request-ID": "trace-12345"},
        )
        entry = json.loads(lines[0])
        assert entry["message"] == "copied 日志"
        assert entry["level"] == "INFO"
        assert entry["request_id"] == "trace-12345"

    def test_leaves_the_request_id_out_where_there_is_no_request(self):
        record = logging.LogRecord("regatta", logging.INFO, "f.py", 1, "tick", (), None)
        assert "request_id" not in json.loads(logs.JsonFormatter().format(record))

    def test_writes_the_exception(self):
        try:
            raise ValueError("broken")
        except ValueError as error:
            info = (type(error), error, error.__traceback__)
        record = logging.LogRecord("regatta", logging.ERROR, "f.py", 1, "failed", (), info)
        assert "ValueError: broken" in json.loads(logs.JsonFormatter().format(record))["exception"]
