import re

import pytest

pytestmark = pytest.mark.django_db


class TestContentSecurityPolicyMiddleware:
    @pytest.mark.parametrize("path", ["/sign-in/", "/no-such-page", "/static/js/console.js"])
    def test_adds_the_policy_to_every_response(self, client, path):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


class TestPages:
    @pytest.mark.parametrize(
        "path", ["/", "/instances/", "/synchronization/", "/preferences/", "/instances/new/"]
    )
    def test_hold_nothing_that_the_policy_forbids(self, page, rule, path):
        markup = page.get(path).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", markup)
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:|hx-on|hx-vals=.?js:", markup)

    def test_load_nothing_from_elsewhere(self, page):
        markup = page.get("/").content.decode()
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', markup)
