import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from tests import factories

pytestmark = pytest.mark.django_db


class TestContentSecurityPolicyMiddleware:
    @pytest.mark.parametrize("path", ["/sign-in/", "/no-such-page", "/static/js/console.js"])
    def test_adds_the_policy_to_every_response(self, client, path):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy

    def test_lets_pages_use_no_device_and_others_load_nothing(self, client):
        headers = client.get("/sign-in/").headers
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"


class TestBodyLimitMiddleware:
    @pytest.mark.parametrize("path", ["/sign-in/", "/hooks/registries/tcr-unknown1", "/no-such-page"])
    def test_refuses_a_body_that_is_too_large_before_it_is_read(self, client, settings, path):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
        file = SimpleUploadedFile("large.bin", b"x" * 2000)
        assert client.post(path, {"file": file}).status_code == 413

    @pytest.mark.parametrize("length", ["", "x", "-1", "٣", "1.5"])
    def test_leaves_a_length_that_is_none_to_the_face(self, client, length):
        response = client.generic("POST", "/sign-in/", b"", CONTENT_LENGTH=length)
        assert response.status_code in {200, 400}

    def test_takes_any_number_of_digits(self, client):
        assert client.generic("POST", "/sign-in/", b"", CONTENT_LENGTH="9" * 5000).status_code == 413


class TestCookies:
    def test_of_the_session_are_out_of_reach_of_scripts_and_other_sites(self, client, owner):
        client.post("/sign-in/", {"username": owner.login, "password": factories.PASSWORD})
        session = client.cookies[settings.SESSION_COOKIE_NAME]
        assert (session["httponly"], session["samesite"]) == (True, "Lax")
        token = client.cookies[settings.CSRF_COOKIE_NAME]
        assert (token["httponly"], token["samesite"]) == (True, "Lax")


class TestAnHttpsAddress:
    """Settings are read once in a process, so another one reads them."""

    @pytest.fixture
    def secured(self, tmp_path) -> dict[str, object]:
        names = [
            "DEBUG",
            "SESSION_COOKIE_SECURE",
            "CSRF_COOKIE_SECURE",
            "SECURE_SSL_REDIRECT",
            "SECURE_HSTS_SECONDS",
            "SECURE_HSTS_INCLUDE_SUBDOMAINS",
            "SECURE_HSTS_PRELOAD",
        ]
        code = f"import json; from console import settings as s; print(json.dumps([getattr(s, n) for n in {names}]))"
        environment = {
            **os.environ,
            "REGATTA_BASE_URL": "https://regatta.example.org",
            "REGATTA_DATA_DIR": str(tmp_path),
        }
        told = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        return dict(zip(names, json.loads(told.stdout), strict=True))

    def test_switches_on_what_needs_tls(self, secured):
        assert secured == {
            "DEBUG": False,
            "SESSION_COOKIE_SECURE": True,
            "CSRF_COOKIE_SECURE": True,
            "SECURE_SSL_REDIRECT": True,
            "SECURE_HSTS_SECONDS": 31_536_000,
            "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
            "SECURE_HSTS_PRELOAD": True,
        }


class TestPages:
    @pytest.mark.parametrize(
        "path", ["/", "/instances/", "/synchronization/", "/preferences/", "/instances/new/", "/audit/"]
    )
    def test_hold_nothing_that_the_policy_forbids(self, page, rule, path):
        markup = page.get(path).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", markup)
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:|hx-on|hx-vals=.?js:", markup)

    def test_load_nothing_from_elsewhere(self, page):
        markup = page.get("/").content.decode()
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', markup)
