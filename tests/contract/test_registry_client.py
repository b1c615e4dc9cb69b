"""What the registry client promises, on a modern registry and on distribution 2, faked and real."""

from collections.abc import AsyncIterator

import pytest

from registries.oci.client import RegistryClient
from registries.oci.errors import (
    BlobUnknown,
    DigestMismatch,
    NotFound,
    RegistryError,
    UnauthorizedError,
    Unsupported,
)
from registries.oci.manifest import Descriptor, parse_referrers
from registries.oci.reference import fallback_tag
from tests.contract.sites import describe, parsed, push, stream_of, upload
from tests.fakes import images
from tests.fakes.content import digest_of
from tests.servers.relay import Relay

DATA = b"0123456789"
DIGEST = digest_of(DATA)


async def collect(pages: AsyncIterator[list[str]]) -> list[str]:
    return [name async for page in pages for name in page]


async def read(client: RegistryClient, repository: str, descriptor: Descriptor, offset: int = 0) -> bytes:
    chunks = client.stream_blob(repository, descriptor, offset=offset)
    return b"".join([chunk async for chunk in chunks])


class TestPing:
    def test_comes_back_when_all_is_well(self, site):
        assert site.run(lambda client: client.ping()) is None

    def test_raises_for_wrong_credentials(self, site):
        if site.auth == "anonymous":
            site.run(lambda client: client.ping(), password="wrong")
            return
        with pytest.raises(UnauthorizedError):
            site.run(lambda client: client.ping(), password="wrong")


class TestListRepositories:
    def test_names_what_was_pushed(self, site):
        async def work(client):
            await push(client, site.repository, images.image(), "v1")
            return await collect(client.list_repositories())

        assert site.repository in site.run(work)


class TestListTags:
    def test_finds_every_tag_once(self, site):
        tags = {f"v{number}" for number in range(25)}

        async def work(client):
            await push(client, site.repository, images.image(), "v0")
            for tag in tags:
                await client.put_manifest(site.repository, tag, parsed(images.image().root))
            return await collect(client.list_tags(site.repository))

        found = site.run(work)
        assert len(found) == len(set(found))
        assert set(found) == tags

    def test_finds_none_in_an_unknown_repository(self, site):
        assert site.run(lambda client: collect(client.list_tags(site.repository))) == []


KINDS = {
    "image": images.image(),
    "docker image": images.image("docker", docker=True),
    "index": images.multi_platform(),
    "docker list": images.multi_platform("docker", docker=True),
    "nested index": images.nested_index(),
    "list without platforms": images.list_without_platforms(),
    "no layers": images.no_layers(),
    "zero-byte blob": images.zero_byte_blob(),
    "inline config": images.image("inline", inline_config=True),
    "unknown fields": images.unknown_fields(),
    "foreign layers": images.foreign_layers(),
    "chart": images.helm_chart(),
    "legacy chart": images.helm_chart(legacy=True),
    "artifact": images.artifact(),
    "signature": images.signature(images.image()),
}


class TestPutManifest:
    @pytest.mark.parametrize("artifact", KINDS.values(), ids=KINDS)
    def test_brings_the_same_bytes_back(self, site, artifact):
        async def work(client):
            await push(client, site.repository, artifact, "v1")
            by_tag = await client.get_manifest(site.repository, "v1")
            by_digest = await client.get_manifest(site.repository, artifact.digest)
            found = await client.find_manifest(site.repository, "v1")
            return by_tag, by_digest, found

        by_tag, by_digest, found = site.run(work)
        assert by_tag.content == by_digest.content == artifact.root.content
        assert by_tag.digest == by_digest.digest == found.digest == artifact.digest
        assert by_tag.media_type == found.media_type == artifact.root.media_type
        assert found.size == len(artifact.root.content)

    def test_moves_a_tag(self, site):
        old, new = images.image("old"), images.image("new")

        async def work(client):
            await push(client, site.repository, old, "latest")
            await push(client, site.repository, new, "latest")
            return await client.find_manifest(site.repository, "latest")

        assert site.run(work).digest == new.digest

    @pytest.mark.parametrize("artifact", [images.image(), images.multi_platform()], ids=["blob", "child"])
    def test_is_refused_while_something_is_missing(self, site, artifact):
        async def work(client):
            await client.put_manifest(site.repository, "v1", parsed(artifact.root))

        with pytest.raises(BlobUnknown):
            site.run(work)

    def test_takes_sha512_where_the_registry_does(self, site):
        artifact = images.image("sha512", algorithm="sha512")

        async def work(client):
            for digest, content in artifact.blobs.items():
                await upload(client, site.repository, digest, content)
            await client.put_manifest(site.repository, "v1", parsed(artifact.root))
            layer = parsed(artifact.root).layers[0]
            return await client.get_manifest(site.repository, "v1"), await read(
                client, site.repository, layer
            )

        manifest, layer = site.run(work)
        assert manifest.content == artifact.root.content
        assert digest_of(layer, "sha512") in artifact.blobs


class TestFindManifest:
    def test_finds_nothing_where_nothing_is(self, site):
        async def work(client):
            unknown_repository = await client.find_manifest(site.repository, "v1")
            await push(client, site.repository, images.image(), "v1")
            unknown_tag = await client.find_manifest(site.repository, "v2")
            unknown_digest = await client.find_manifest(site.repository, DIGEST)
            return unknown_repository, unknown_tag, unknown_digest

        assert site.run(work) == (None, None, None)


class TestGetManifest:
    def test_raises_where_nothing_is(self, site):
        with pytest.raises(NotFound):
            site.run(lambda client: client.get_manifest(site.repository, "v1"))


class TestDeleteManifest:
    def test_removes_a_digest_with_its_tags(self, site):
        async def work(client):
            await push(client, site.repository, images.image(), "v1")
            first = await client.delete_manifest(site.repository, images.image().digest)
            tags = await collect(client.list_tags(site.repository))
            return first, await client.delete_manifest(site.repository, images.image().digest), tags

        assert site.run(work) == (True, False, [])

    def test_removes_a_tag_alone_only_where_the_registry_can(self, site):
        async def work(client):
            await push(client, site.repository, images.image(), "v1")
            await client.put_manifest(site.repository, "v2", parsed(images.image().root))
            deleted = await client.delete_manifest(site.repository, "v1")
            return deleted, await collect(client.list_tags(site.repository))

        if site.is_modern:
            assert site.run(work) == (True, ["v2"])
        else:
            with pytest.raises(Unsupported):
                site.run(work)


class TestUploadBlob:
    @pytest.mark.parametrize("content", [DATA, b"", images.layer("large", 700_000)], ids=len)
    def test_brings_the_same_bytes_back(self, site, content):
        descriptor = describe(content, digest_of(content))

        async def work(client):
            before = await client.has_blob(site.repository, descriptor.digest)
            await upload(client, site.repository, descriptor.digest, content)
            after = await client.has_blob(site.repository, descriptor.digest)
            return before, after, await read(client, site.repository, descriptor)

        assert site.run(work) == (False, True, content)

    def test_sends_nothing_that_does_not_match_its_digest(self, site):
        async def work(client):
            session = await client.start_upload(site.repository)
            wrong = describe(DATA, digest_of(b"something else"))
            with pytest.raises(DigestMismatch):
                await client.upload_blob(session, wrong, lambda offset: stream_of(DATA, offset))
            return await client.has_blob(site.repository, DIGEST)

        assert site.run(work) is False

    def test_survives_a_cut_connection(self, site):
        content = images.layer("resumed", 3_000_000)
        descriptor = describe(content, digest_of(content))
        offsets = []

        with Relay(site.port, delay_seconds=0) as relay:

            async def cut_in_the_middle(offset):
                offsets.append(offset)
                async for chunk in stream_of(content, offset):
                    yield chunk
                    offset += len(chunk)
                    if offset > 2_000_000 and len(offsets) == 1:
                        relay.cut()

            async def work(client):
                session = await client.start_upload(site.repository)
                await client.upload_blob(session, descriptor, cut_in_the_middle)
                return await read(client, site.repository, descriptor)

            assert site.run(work, url=relay.url) == content
        assert len(offsets) > 1


class TestUploadOffset:
    def test_tells_how_much_the_registry_has_kept(self, site):
        async def work(client):
            session = await client.start_upload(site.repository)
            with site.plain_http() as http:
                patched = http.patch(session.location, content=DATA[:4], headers={"Content-Range": "0-3"})
            assert patched.status_code == 202
            session.location = patched.headers["Location"]
            return await client.upload_offset(session)

        assert site.run(work) == 4

    def test_raises_for_a_cancelled_session(self, site):
        async def work(client):
            session = await client.start_upload(site.repository)
            await client.cancel_upload(session)
            await client.upload_offset(session)

        with pytest.raises(RegistryError) as raised:
            site.run(work)
        assert raised.value.code == "upload_lost"


class TestStreamBlob:
    def test_begins_where_it_is_told_to(self, site):
        async def work(client):
            await upload(client, site.repository, DIGEST, DATA)
            return await read(client, site.repository, describe(DATA, DIGEST), offset=4)

        assert site.run(work) == DATA[4:]

    def test_raises_for_a_blob_that_is_not_there(self, site):
        with pytest.raises(NotFound):
            site.run(lambda client: read(client, site.repository, describe(DATA, DIGEST)))

    @pytest.mark.parametrize("size", [9, 11])
    def test_raises_for_another_size_than_described(self, site, size):
        async def work(client):
            await upload(client, site.repository, DIGEST, DATA)
            await read(client, site.repository, describe(b"x" * size, DIGEST))

        with pytest.raises(RegistryError) as raised:
            site.run(work)
        assert raised.value.code == "size_mismatch"


class TestStartUpload:
    def test_mounts_a_blob_of_another_repository(self, site):
        elsewhere = f"{site.repository}-elsewhere"

        async def work(client):
            await upload(client, elsewhere, DIGEST, DATA)
            mounted = await client.start_upload(site.repository, mount=DIGEST, from_repository=elsewhere)
            return mounted, await client.has_blob(site.repository, DIGEST)

        assert site.run(work) == (None, True)

    def test_opens_a_session_when_there_is_nothing_to_mount(self, site):
        async def work(client):
            session = await client.start_upload(
                site.repository, mount=DIGEST, from_repository=f"{site.repository}-elsewhere"
            )
            assert session is not None
            await client.upload_blob(session, describe(DATA, DIGEST), lambda offset: stream_of(DATA, offset))
            return await client.has_blob(site.repository, DIGEST)

        assert site.run(work) is True

    def test_is_refused_to_who_may_only_pull(self, site):
        if site.auth != "token":
            assert site.run(lambda client: client.start_upload("readonly/app")) is not None
            return
        with pytest.raises(UnauthorizedError):
            site.run(lambda client: client.start_upload("readonly/app"))


class TestListReferrers:
    def test_lists_what_refers_to_a_digest_or_says_that_it_cannot(self, site):
        subject = images.image()
        report = images.artifact(subject=subject)

        async def work(client):
            await push(client, site.repository, subject, "v1")
            is_indexed = await push(client, site.repository, report, report.digest)
            return is_indexed, await client.list_referrers(site.repository, subject.digest)

        is_indexed, referrers = site.run(work)
        assert is_indexed is site.is_modern
        if site.is_modern:
            assert [each.digest for each in referrers] == [report.digest]
            assert referrers[0].artifact_type == "application/vnd.example.report.v1"
        else:
            assert referrers is None

    def test_leaves_room_for_the_fallback_tag(self, site):
        subject = images.image()
        report = images.artifact(subject=subject)
        listing = images.referrers_fallback(subject, [report])

        async def work(client):
            await push(client, site.repository, subject, "v1")
            await push(client, site.repository, listing, fallback_tag(subject.digest))
            return await client.get_manifest(site.repository, images.fallback_tag(subject.digest))

        found = parse_referrers(site.run(work).content)
        assert [each.digest for each in found] == [report.digest]
