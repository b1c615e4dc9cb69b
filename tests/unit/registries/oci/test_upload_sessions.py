import pytest

from registries.oci.errors import UploadLost
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import Source, begin, connect, describe, run

DATA = bytes(range(256)) * 4096  # 1 MiB
BLOB = describe(DATA)
HALF = len(DATA) // 2


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        yield registry


def calls(registry):
    return [(request.method, request.status) for request in registry.requests]


class TestMount:
    @pytest.fixture
    def registry(self):
        with FakeRegistry() as registry:
            registry.put_blob("other/repo", DATA)
            yield registry

    def mount(self, registry, digest=BLOB.digest, source="other/repo"):
        async def scenario():
            async with connect(registry.url, writes=True) as client:
                session = await client.start_upload("team/app", mount=digest, from_repository=source)
                if session is not None:
                    await client.upload_blob(session, BLOB, Source(DATA))
                return session is None

        return run(scenario())

    def test_is_one_request(self, registry):
        assert self.mount(registry)
        (post,) = registry.requests
        assert post.query["mount"] == BLOB.digest
        assert post.query["from"] == "other/repo"
        assert post.headers["Content-Length"] == "0"
        assert registry.blob("team/app", BLOB.digest) == DATA

    def test_declined_is_a_session_to_use(self, registry):
        registry.options.mount_status = 202
        assert not self.mount(registry)
        assert calls(registry) == [("POST", 202), ("PUT", 201)]

    @pytest.mark.parametrize("status", [400, 403, 404, 405, 500])
    def test_refused_is_followed_by_a_plain_session(self, registry, status):
        registry.options.mount_status = status
        assert not self.mount(registry)
        assert calls(registry) == [("POST", status), ("POST", 202), ("PUT", 201)]

    def test_cut_is_followed_by_a_plain_session(self, registry):
        registry.fault(Fault(method="POST", lose_answer=True))
        assert not self.mount(registry)

    def test_needs_no_source(self, registry):
        assert not self.mount(registry, source=None)
        assert "from" not in registry.requests[0].query

    def test_puts_the_prefix_before_both_names(self, registry):
        registry.put_blob("pre/fix/source", DATA)

        async def scenario():
            async with connect(registry.url, prefix="pre/fix", writes=True) as client:
                return await client.start_upload("target", mount=BLOB.digest, from_repository="source")

        assert run(scenario()) is None
        assert registry.blob("pre/fix/target", BLOB.digest) == DATA


class TestOffset:
    def test_is_what_the_registry_kept(self, registry):
        async def scenario():
            async with connect(registry.url, writes=True) as client:
                session = await begin(client, "team/app")
                assert await client.upload_offset(session) == 0
                registry.lose_uploads()
                with pytest.raises(UploadLost):
                    await client.upload_offset(session)

        run(scenario())


class TestCancel:
    def test_ends_the_session(self, registry):
        async def scenario():
            async with connect(registry.url, writes=True) as client:
                session = await begin(client, "team/app")
                await client.cancel_upload(session)
                await client.cancel_upload(session)

        run(scenario())
        assert registry.open_uploads() == 0

    def test_ignores_refusals(self, registry):
        registry.fault(Fault(method="DELETE", status=403))

        async def scenario():
            async with connect(registry.url, writes=True) as client:
                await client.cancel_upload(await begin(client, "team/app"))

        run(scenario())
