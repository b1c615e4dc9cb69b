import pytest

from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db

URL = "/preferences/"


class TestEdit:
    def test_stores_language_zone_and_theme(self, page, owner):
        data = {"language": "zh-hans", "time_zone": "Asia/Shanghai", "theme": "dark"}
        assert page.post(URL, data).url == URL
        owner.refresh_from_db()
        assert (owner.language, owner.time_zone, owner.theme) == ("zh-hans", "Asia/Shanghai", "dark")

    def test_takes_empty_for_the_browsers_and_the_platforms_choice(self, page, owner):
        page.post(URL, {"language": "", "time_zone": "", "theme": "auto"})
        owner.refresh_from_db()
        assert (owner.language, owner.time_zone) == ("", "")

    @pytest.mark.parametrize(
        ("field", "value"), [("language", "tlh"), ("time_zone", "Mars/Olympus"), ("theme", "pink")]
    )
    def test_refuses_unknown_values_at_their_field(self, page, owner, field, value):
        data = {"language": "", "time_zone": "", "theme": "auto"} | {field: value}
        response = page.post(URL, data)
        assert response.status_code == 200
        assert list(response.context["form"].errors) == [field]
        assert "Nothing was saved" in text_of(response)

    def test_changes_nothing_but_preferences(self, page, owner):
        page.post(URL, {"language": "", "time_zone": "", "theme": "dark", "role": "viewer", "is_staff": "on"})
        owner.refresh_from_db()
        assert owner.role == "owner"
        assert not owner.is_staff
