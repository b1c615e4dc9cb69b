import httpx
import pytest

from tests.fakes import images
from tests.fakes.options import LinkStyle
from tests.fakes.registry import FakeRegistry


@pytest.fixture
def tagged(registry: FakeRegistry) -> FakeRegistry:
    digest = images.push(images.image(), registry, "team/app", "b")
    for tag in ("e", "a", "d", "c"):
        registry.put_tag("team/app", tag, digest)
    return registry


def walk(http: httpx.Client, url: str) -> list[list[str]]:
    pages = []
    next_url: str | None = url
    while next_url:
        response = http.get(next_url)
        pages.append(response.json()["tags"])
        next_url = response.links["next"]["url"] if "next" in response.links else None
    return pages


class TestListTags:
    def test_has_one_page_when_everything_fits(self, tagged, http):
        response = http.get("/v2/team/app/tags/list")
        assert response.json() == {"name": "team/app", "tags": ["a", "b", "c", "d", "e"]}
        assert "Link" not in response.headers

    @pytest.mark.parametrize("style", [LinkStyle.RELATIVE, LinkStyle.ABSOLUTE])
    def test_links_each_page_to_the_next(self, tagged, http, style):
        tagged.options.link_style = style
        assert walk(http, "/v2/team/app/tags/list?n=2") == [["a", "b"], ["c", "d"], ["e"]]

    def test_never_gives_more_than_its_page_size(self, tagged, http):
        tagged.options.page_size = 3
        assert walk(http, "/v2/team/app/tags/list?n=100") == [["a", "b", "c"], ["d", "e"]]

    def test_continues_behind_a_tag_that_is_gone(self, tagged, http):
        tagged.delete_tag("team/app", "b")
        assert http.get("/v2/team/app/tags/list?last=b").json()["tags"] == ["c", "d", "e"]

    def test_refuses_a_page_larger_than_the_maximum(self, tagged, http):
        tagged.options.max_page_size = 1000
        assert http.get("/v2/team/app/tags/list?n=1001").status_code == 400

    def test_keeps_the_order_of_pushes_when_unsorted(self, tagged, http):
        tagged.options.sorts_tags = False
        assert http.get("/v2/team/app/tags/list").json()["tags"] == ["b", "e", "a", "d", "c"]

    def test_leads_back_to_the_first_page_when_looping(self, tagged, http):
        tagged.options.link_style = LinkStyle.LOOPING
        link = http.get("/v2/team/app/tags/list?n=2&last=d").headers.get("Link")
        assert link is None
        link = http.get("/v2/team/app/tags/list?n=2").headers["Link"]
        assert link == '</v2/team/app/tags/list?n=2>; rel="next"'

    def test_writes_links_without_brackets(self, tagged, http):
        tagged.options.link_style = LinkStyle.WITHOUT_BRACKETS
        link = http.get("/v2/team/app/tags/list?n=2").headers["Link"]
        assert link == f"{tagged.url}/v2/team/app/tags/list?last=b&n=2; rel=next"

    def test_says_null_for_no_tags_when_asked_to(self, registry, http):
        registry.options.null_tags = True
        images.push(images.image(), registry, "team/app", "v1")
        registry.delete_tag("team/app", "v1")
        assert http.get("/v2/team/app/tags/list").json()["tags"] is None

    def test_does_not_know_a_repository_without_a_push(self, registry, http):
        response = http.get("/v2/team/none/tags/list")
        assert response.status_code == 404
        assert response.json()["errors"][0]["code"] == "NAME_UNKNOWN"


class TestListRepositories:
    def test_pages_the_sorted_names(self, registry, http):
        for name in ("b/x", "a", "b"):
            registry.put_blob(name, b"")
        response = http.get("/v2/_catalog?n=2")
        assert response.json() == {"repositories": ["a", "b"]}
        assert response.links["next"]["url"] == "/v2/_catalog?last=b&n=2"

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_can_be_denied(self, registry, http, status):
        registry.options.catalog_status = status
        assert http.get("/v2/_catalog").status_code == status


class TestListReferrers:
    def test_lists_what_has_the_subject(self, registry, http):
        subject = images.image()
        images.push(subject, registry, "team/app", "v1")
        report = images.artifact(subject=subject)
        images.push(report, registry, "team/app")
        listed = http.get(f"/v2/team/app/referrers/{subject.digest}").json()
        assert [each["digest"] for each in listed["manifests"]] == [report.digest]
        assert listed["manifests"][0]["artifactType"] == "application/vnd.example.report.v1"

    def test_filters_by_artifact_type(self, registry, http):
        subject = images.image()
        images.push(subject, registry, "team/app", "v1")
        images.push(images.artifact(subject=subject), registry, "team/app")
        response = http.get(f"/v2/team/app/referrers/{subject.digest}?artifactType=application/other")
        assert response.json()["manifests"] == []
        assert response.headers["OCI-Filters-Applied"] == "artifactType"

    def test_is_unknown_where_there_is_no_api(self, registry, http):
        registry.options.referrers = False
        assert http.get(f"/v2/team/app/referrers/{images.image().digest}").status_code == 404
