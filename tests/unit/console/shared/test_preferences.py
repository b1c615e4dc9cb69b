from datetime import UTC, datetime

import pytest

from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db


class TestPreferencesMiddleware:
    def test_uses_the_language_of_the_user(self, page, owner):
        owner.language = "zh-hans"
        owner.save()
        response = page.get("/", headers={"Accept-Language": "en"})
        assert response.headers["Content-Language"] == "zh-hans"
        assert b'<html lang="zh-hans"' in response.content

    def test_uses_the_language_of_the_browser_without_a_choice(self, page):
        assert page.get("/", headers={"Accept-Language": "zh-CN"}).headers["Content-Language"] == "zh-hans"

    def test_shows_times_in_the_zone_of_the_user(self, page, owner, source):
        owner.time_zone = "Asia/Shanghai"
        owner.save()
        source.created_at = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
        source.save()
        assert "2026-02-01 07:30:00" in text_of(page.get(f"/instances/{source.instance_id}/"))

    def test_does_not_lend_a_zone_to_the_next_user(self, page, owner, viewer_page, source):
        owner.time_zone = "Asia/Shanghai"
        owner.save()
        page.get("/")
        response = viewer_page.get(f"/instances/{source.instance_id}/")
        assert f"{source.created_at:%Y-%m-%d %H:%M:%S}" in text_of(response)

    def test_survives_a_zone_that_no_longer_exists(self, page, owner):
        owner.time_zone = "Mars/Olympus"
        owner.save()
        assert page.get("/").status_code == 200

    def test_uses_the_theme_of_the_user(self, page, owner):
        owner.theme = "dark"
        owner.save()
        assert b'data-theme="dark"' in page.get("/").content
