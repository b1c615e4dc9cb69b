import json

import pytest

from registries.oci.errors import Forbidden, NotFound, Rejected, ServerError, Unauthorized, Unsupported
from tests.fakes import images
from tests.fakes.faults import Fault
from tests.fakes.options import LinkStyle
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import collect, connect, run

TAGS = [f"v{number}" for number in range(7)]


@pytest.fixture
def registry():
    with FakeRegistry(page_size=3) as registry:
        image = images.image()
        for tag in TAGS:
            images.push(image, registry, "team/app", tag)
        yield registry


def pages_of(call, registry, **options):
    async def scenario():
        async with connect(registry.url, **options) as client:
            return [page async for page in call(client)]

    return run(scenario())


def list_tags(registry, repository="team/app", **options):
    return pages_of(lambda client: client.list_tags(repository), registry, **options)


def list_repositories(registry, **options):
    return pages_of(lambda client: client.list_repositories(), registry, **options)


def flat(pages):
    return [name for page in pages for name in page]


class TestListTags:
    @pytest.mark.parametrize(
        "style", [LinkStyle.RELATIVE, LinkStyle.ABSOLUTE, LinkStyle.WITHOUT_BRACKETS, LinkStyle.WRONG_PORT]
    )
    def test_follows_links_however_they_are_written(self, registry, style):
        registry.options.link_style = style
        assert list_tags(registry) == [TAGS[0:3], TAGS[3:6], TAGS[6:]]
        assert len(registry.requests) == 3

    def test_asks_for_large_pages(self, registry):
        list_tags(registry)
        assert registry.requests[0].query["n"] == "1000"

    def test_asks_for_smaller_pages_where_large_ones_are_refused(self, registry):
        registry.options.max_page_size = 100
        assert flat(list_tags(registry)) == TAGS
        assert [request.query["n"] for request in registry.requests[:2]] == ["1000", "100"]

    def test_asks_for_no_size_where_every_one_is_refused(self, registry):
        registry.options.max_page_size = 2
        registry.options.page_size = 2
        assert flat(list_tags(registry)) == TAGS
        assert "n" not in registry.requests[2].query

    def test_passes_a_refusal_on_that_has_nothing_to_do_with_pages(self, registry):
        registry.fault(Fault(status=400, times=None))
        with pytest.raises(Rejected):
            list_tags(registry)

    def test_ends_where_links_lead_in_circles(self, registry):
        registry.options.link_style = LinkStyle.LOOPING
        assert flat(list_tags(registry))[:3] == TAGS[:3]
        assert len(registry.requests) <= 3

    def test_ends_where_every_page_is_the_same(self, registry):
        body = json.dumps({"tags": ["a", "b"]}).encode()
        for number in range(10):
            link = {"Link": f'</v2/team/app/tags/list?last={number}>; rel="next"'}
            registry.fault(Fault(status=200, body=body, headers=link))
        assert list_tags(registry) == [["a", "b"]]
        assert len(registry.requests) == 2

    def test_ends_where_a_link_follows_the_last_page(self, registry):
        registry.options.links_last_page = True
        assert flat(list_tags(registry)) == TAGS

    def test_steps_over_empty_pages(self, registry):
        empty = json.dumps({"tags": []}).encode()
        link = {"Link": '</v2/team/app/tags/list?n=1000&token=x>; rel="next"'}
        registry.fault(Fault(status=200, body=empty, headers=link))
        assert flat(list_tags(registry)) == TAGS

    def test_takes_everything_at_once_where_pages_are_unknown(self, registry):
        registry.options.pages_tags = False
        assert list_tags(registry) == [TAGS]

    def test_of_an_unknown_repository_is_empty(self, registry):
        assert list_tags(registry, "no/such") == []
        assert len(registry.requests) == 1

    def test_of_a_repository_without_tags_is_empty(self, registry):
        registry.options.null_tags = True
        registry.options.unknown_repository_status = 200
        assert list_tags(registry, "no/such") == []

    def test_that_vanishes_between_two_pages_is_not_an_end(self, registry):
        registry.fault(Fault(query="last=", status=404, times=None))
        with pytest.raises(NotFound):
            list_tags(registry)

    def test_leaves_out_what_is_no_tag(self, registry):
        registry.fault(Fault(status=200, body=json.dumps({"tags": ["ok", "../bad", 5, "-"]}).encode()))
        assert list_tags(registry) == [["ok"]]

    @pytest.mark.parametrize("body", [b"<html>", b"[]x", b'{"tags": "v1"}'])
    def test_refuses_an_answer_that_is_no_list(self, registry, body):
        registry.fault(Fault(status=200, body=body, times=None))
        with pytest.raises(ServerError):
            list_tags(registry)

    def test_puts_the_prefix_before_the_name(self, registry):
        assert flat(list_tags(registry, "app", prefix="team")) == TAGS

    @pytest.mark.parametrize("status", [401, 403])
    def test_refused_is_never_empty(self, registry, status):
        registry.fault(Fault(status=status, times=None))
        with pytest.raises(Forbidden if status == 403 else Unauthorized):
            list_tags(registry)


class TestListRepositories:
    @pytest.fixture
    def registry(self):
        with FakeRegistry(page_size=2) as registry:
            for name in ("a/one", "b", "b/two", "b/x/three", "bc/four"):
                images.push(images.image(), registry, name, "v1")
            yield registry

    def test_yields_every_name(self, registry):
        assert flat(list_repositories(registry)) == ["a/one", "b", "b/two", "b/x/three", "bc/four"]

    def test_yields_only_names_under_the_prefix_without_it(self, registry):
        assert flat(list_repositories(registry, prefix="b")) == ["two", "x/three"]

    @pytest.mark.parametrize(
        ("status", "kind"), [(401, Unauthorized), (403, Forbidden), (404, NotFound), (405, Unsupported)]
    )
    def test_refused_is_never_empty(self, registry, status, kind):
        registry.options.catalog_status = status
        with pytest.raises(kind):
            list_repositories(registry)

    def test_of_an_empty_registry_is_empty(self):
        with FakeRegistry() as registry:
            assert list_repositories(registry) == []


class TestListReferrers:
    SUBJECT = images.image()

    @pytest.fixture
    def registry(self):
        with FakeRegistry(page_size=2) as registry:
            images.push(self.SUBJECT, registry, "team/app", "v1")
            for number in range(5):
                images.push(images.artifact(number, subject=self.SUBJECT), registry, "team/app")
            yield registry

    def referrers(self, registry):
        async def scenario():
            async with connect(registry.url) as client:
                return await client.list_referrers("team/app", self.SUBJECT.digest)

        return run(scenario())

    def test_follows_pages(self, registry):
        expected = {images.artifact(number, subject=self.SUBJECT).digest for number in range(5)}
        found = self.referrers(registry)
        assert {descriptor.digest for descriptor in found} == expected
        assert found[0].artifact_type == "application/vnd.example.report.v1"
        assert len(registry.requests) == 3

    def test_is_none_where_there_is_no_such_api(self, registry):
        registry.options.referrers = False
        assert self.referrers(registry) is None

    @pytest.mark.parametrize("status", [400, 404, 405, 501])
    def test_is_none_however_the_api_is_missing(self, registry, status):
        registry.fault(Fault(status=status, times=None))
        assert self.referrers(registry) is None

    def test_is_an_error_where_a_later_page_is_missing(self, registry):
        registry.fault(Fault(query="last=", status=400, times=None))
        with pytest.raises(Rejected):
            self.referrers(registry)

    def test_is_empty_where_nothing_refers(self, registry):
        async def scenario():
            async with connect(registry.url) as client:
                return await client.list_referrers("team/app", images.image("other").digest)

        assert run(scenario()) == []

    def test_refuses_what_is_no_digest(self, registry):
        async def scenario():
            async with connect(registry.url) as client:
                with pytest.raises(Rejected):
                    await client.list_referrers("team/app", "latest")

        run(scenario())

    def test_is_an_error_where_it_is_refused(self, registry):
        registry.fault(Fault(status=403, times=None))
        with pytest.raises(Forbidden):
            self.referrers(registry)


def test_collect_reads_all_pages(registry):
    async def scenario():
        async with connect(registry.url) as client:
            return await collect(client.list_tags("team/app"))

    assert run(scenario()) == TAGS
