import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci import reference

DIGEST = "sha256:" + "a" * 64


class TestIsRepository:
    @pytest.mark.parametrize(
        "name", ["a", "team/app", "a.b/c_d/e__f/g-h/i---j", "0/1", "a" * 255, "library/hello-world"]
    )
    def test_accepts_names_of_the_spec(self, name):
        assert reference.is_repository(name)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "A",
            "a/",
            "/a",
            "a//b",
            "a..b",
            "a___b",
            "-a",
            "a-",
            "_a",
            "a b",
            "../a",
            "a/%2e",
            "a" * 256,
            "ä",
            "a\n",
        ],
    )
    def test_refuses_everything_else(self, name):
        assert not reference.is_repository(name)

    @given(st.text(max_size=30))
    def test_lets_nothing_through_that_could_leave_a_path(self, name):
        if reference.is_repository(name):
            assert not set(name) & set("?#%\\ ")
            assert ".." not in name.split("/")


class TestIsReference:
    @pytest.mark.parametrize("text", ["v1", "_", "1.0-rc.1_x", "V", "a" * 128, DIGEST])
    def test_accepts_tags_and_digests(self, text):
        assert reference.is_reference(text)

    @pytest.mark.parametrize("text", ["", ".a", "-a", "a" * 129, "a/b", "a:b", "sha256:abc", "a\n", "é"])
    def test_refuses_everything_else(self, text):
        assert not reference.is_reference(text)


class TestFallbackTag:
    def test_replaces_the_colon(self):
        assert reference.fallback_tag(DIGEST) == "sha256-" + "a" * 64

    def test_cuts_long_digests_as_the_spec_says(self):
        assert reference.fallback_tag("sha512:" + "b" * 128) == "sha512-" + "b" * 64

    def test_is_a_tag(self):
        assert reference.is_tag(reference.fallback_tag("a+b.c_d:" + "c" * 70))
