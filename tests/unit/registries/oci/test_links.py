import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci.errors import HostRefused
from registries.oci.links import absolute, next_target, origin_of, split_origin, with_query

PAGE = "/v2/team/app/tags/list?n=2"
NEXT = "/v2/team/app/tags/list?last=b&n=2"


class TestNextTarget:
    @pytest.mark.parametrize(
        "header",
        [
            f'<{NEXT}>; rel="next"',
            f"<{NEXT}>; rel=next",
            f"<{NEXT}>;rel=next",
            f'<{NEXT}>; title="a, b"; rel="next"',
            f'<{NEXT}>; rel="prefetch next"',
            f'<{NEXT}>; REL="NEXT"',
            f'<https://example.com{NEXT}>; rel="next"',
            f'<http://127.0.0.1:1{NEXT}>; rel="next"',
            f"http://127.0.0.1{NEXT}; rel=next",
            f"{NEXT}; rel=next",
            f'</v2/other>; rel="prev", <{NEXT}>; rel="next"',
            '<?last=b&n=2>; rel="next"',
            '<list?last=b&n=2>; rel="next"',
            f'<//elsewhere{NEXT}>; rel="next"',
        ],
    )
    def test_takes_path_and_query_however_they_are_written(self, header):
        assert next_target(header, PAGE) == NEXT

    def test_keeps_commas_and_escapes_of_the_address(self):
        header = '</v2/_catalog?last=a%2Cb,c&n=2>; rel="next"'
        assert next_target(header, "/v2/_catalog") == "/v2/_catalog?last=a%2Cb,c&n=2"

    def test_escapes_what_may_not_stand_in_an_address(self):
        assert (
            next_target('</v2/_catalog?last=ä b>; rel="next"', "/v2/_catalog")
            == "/v2/_catalog?last=%C3%A4%20b"
        )

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "nonsense",
            f'<{NEXT}>; rel="prev"',
            f"<{NEXT}>",
            f'<{NEXT}>; rel="nextish"',
            "; rel=next",
        ],
    )
    def test_returns_none_for_the_last_page(self, header):
        assert next_target(header, PAGE) is None

    @given(st.text(max_size=60))
    def test_returns_a_path_or_nothing(self, header):
        try:
            target = next_target(header, PAGE)
        except HostRefused:
            return
        assert target is None or (target.startswith("/") and target.isascii())


class TestAbsolute:
    @pytest.mark.parametrize(
        ("location", "expected"),
        [
            ("/v2/a/blobs/uploads/1?_state=x%2Fy==", "https://reg/v2/a/blobs/uploads/1?_state=x%2Fy=="),
            ("2?s=1", "https://reg/v2/a/blobs/2?s=1"),
            ("https://other:8443/x?a=b&c=%20", "https://other:8443/x?a=b&c=%20"),
            ("//other/x", "https://other/x"),
            ("https://other/x#fragment", "https://other/x"),
            (" /x ", "https://reg/x"),
            ("/ä b", "https://reg/%C3%A4%20b"),
        ],
    )
    def test_keeps_everything_but_the_fragment(self, location, expected):
        assert absolute(location, "https://reg/v2/a/blobs/uploads") == expected

    def test_refuses_what_cannot_be_read(self):
        with pytest.raises(HostRefused):
            absolute("https://[::1", "https://reg/")


class TestOriginOf:
    def test_always_names_the_port(self):
        assert origin_of("https://Reg.Example/v2/") == "https://reg.example:443"
        assert origin_of("http://reg") == "http://reg:80"
        assert origin_of("http://reg:5000/x") == "http://reg:5000"

    def test_refuses_ports_that_are_none(self):
        with pytest.raises(HostRefused):
            origin_of("http://reg:99999999/")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a/b?c=d/e", ("https://a", "/b?c=d/e")),
        ("https://a:1?c=/d", ("https://a:1", "/?c=/d")),
        ("https://a", ("https://a", "/")),
    ],
)
def test_split_origin_changes_no_byte_behind_the_host(url, expected):
    assert split_origin(url) == expected


def test_with_query_appends_to_a_query_that_is_there():
    assert with_query("/a", "x=1") == "/a?x=1"
    assert with_query("/a?b=2", "x=1") == "/a?b=2&x=1"
