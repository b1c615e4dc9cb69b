"""The client against Debian's docker-registry: what the fake registry cannot prove."""

import asyncio
import os

import pytest

from registries.oci.errors import BlobUnknown, Unauthorized, Unsupported
from registries.oci.manifest import parse_manifest
from registries.oci.retry import RetryPolicy
from tests.fakes import images
from tests.servers.docker_registry import DockerRegistry, is_installed
from tests.unit.registries.oci.clients import Source, begin, collect, connect, describe, read, run

pytestmark = [
    pytest.mark.real_registry,
    pytest.mark.skipif(not is_installed(), reason="needs docker-registry"),
]

IMAGE = images.image(layer_size=300_000)
MANIFEST = parse_manifest(IMAGE.root.content, IMAGE.root.media_type)


@pytest.fixture(scope="module")
def registry():
    with DockerRegistry() as registry:
        yield registry


async def push(client, repository, tag):
    for digest, content in IMAGE.blobs.items():
        session = await begin(client, repository)
        await client.upload_blob(session, describe(content), Source(content))
        assert await client.has_blob(repository, digest)
    return await client.put_manifest(repository, tag, MANIFEST)


class TestAnonymous:
    def test_takes_an_image_and_gives_it_back(self, registry):
        async def scenario():
            async with connect(registry.url, prefix="pre/fix", writes=True) as client:
                assert await client.find_manifest("app", "v1") is None
                assert await push(client, "app", "v1") is False
                found = await client.find_manifest("app", "v1")
                assert found is not None
                assert found.digest == IMAGE.digest
                assert await client.get_manifest("app", "v1") == MANIFEST
                for blob in MANIFEST.blobs:
                    assert await read(client.stream_blob("app", blob)) == IMAGE.blobs[blob.digest]
                assert await collect(client.list_tags("app")) == ["v1"]
                assert await collect(client.list_repositories()) == ["app"]
                assert await client.list_referrers("app", IMAGE.digest) is None

        run(scenario())

    def test_mounts_between_repositories(self, registry):
        async def scenario():
            async with connect(registry.url, writes=True) as client:
                await push(client, "mount/source", "v1")
                blob = MANIFEST.blobs[0]
                mounted = await client.start_upload(
                    "mount/target", mount=blob.digest, from_repository="mount/source"
                )
                assert mounted is None
                assert await client.has_blob("mount/target", blob.digest)
                declined = await client.start_upload(
                    "mount/target", mount=blob.digest, from_repository="no/such"
                )
                assert declined is not None
                await client.upload_blob(declined, blob, Source(IMAGE.blobs[blob.digest]))

        run(scenario())

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_takes_blobs_of_every_size_and_digest(self, registry, algorithm):
        async def scenario():
            async with connect(registry.url, writes=True) as client:
                for size in (0, 1, 65_536, 3_000_000):
                    data = os.urandom(size)
                    session = await begin(client, "sizes/app", algorithm)
                    await client.upload_blob(session, describe(data, algorithm), Source(data))

        run(scenario())

    def test_survives_that_the_registry_is_killed_in_the_middle_of_an_upload(self):
        data = os.urandom(30_000_000)

        steady = RetryPolicy(attempts=40, first_delay_seconds=0.05, max_delay_seconds=0.1)

        class Killing(Source):
            """Kills the registry when most of the blob was sent for the first time."""

            async def _chunks(self, offset):
                position = offset
                async for chunk in super()._chunks(offset):
                    yield chunk
                    position += len(chunk)
                    if len(self.offsets) == 1 and position > 20_000_000:
                        await asyncio.to_thread(self.kill_and_start)
                        return

            def kill_and_start(self):
                mortal.kill()
                mortal.start()

        with DockerRegistry() as mortal:

            async def scenario():
                async with connect(mortal.url, writes=True, retry=steady) as client:
                    session = await begin(client, "resume/app")
                    source = Killing(data)
                    await client.upload_blob(session, describe(data), source)
                    assert await read(client.stream_blob("resume/app", describe(data))) == data
                    return source.offsets

            # Distribution 2.8 cannot resume a request that was cut: the blob is sent again from the start.
            assert run(scenario()) == [0, 0]

    def test_says_what_is_missing_and_what_it_cannot_do(self, registry):
        async def scenario():
            async with connect(registry.url, writes=True) as client:
                with pytest.raises(BlobUnknown):
                    await client.put_manifest("incomplete/app", "v1", MANIFEST)
                await push(client, "delete/app", "v1")
                with pytest.raises(Unsupported):
                    await client.delete_manifest("delete/app", "v1")
                assert await client.delete_manifest("delete/app", IMAGE.digest) is True
                assert await client.delete_manifest("delete/app", IMAGE.digest) is False
                assert await collect(client.list_tags("delete/app")) == []

        run(scenario())

    def test_refuses_for_good_a_layer_address_that_it_does_not_allow(self, registry):
        image = images.foreign_layers(urls=["ftp://files.example/layer"])

        async def scenario():
            async with connect(registry.url, writes=True) as client:
                for content in image.blobs.values():
                    session = await begin(client, "foreign/app")
                    await client.upload_blob(session, describe(content), Source(content))
                manifest = parse_manifest(image.root.content, image.root.media_type)
                with pytest.raises(BlobUnknown) as caught:
                    await client.put_manifest("foreign/app", "v1", manifest)
                return caught.value

        assert run(scenario()).status == 500

    def test_survives_a_restart_of_the_registry(self, registry):
        async def scenario():
            async with connect(registry.url, writes=True) as client:
                await push(client, "restart/app", "v1")
                await asyncio.to_thread(registry.restart)
                assert (await client.get_manifest("restart/app", "v1")).digest == IMAGE.digest

        run(scenario())


@pytest.mark.parametrize("mode", ["htpasswd", "token"])
class TestCredentials:
    def test_are_accepted(self, mode):
        with DockerRegistry(mode) as registry:

            async def scenario():
                async with connect(registry.url, credentials=registry.credentials, writes=True) as client:
                    await client.ping()
                    await push(client, "team/app", "v1")
                    assert await client.get_manifest("team/app", "v1") == MANIFEST
                    blob = MANIFEST.blobs[0]
                    mounted = await client.start_upload(
                        "team/other", mount=blob.digest, from_repository="team/app"
                    )
                    assert mounted is None
                    assert "team/app" in await collect(client.list_repositories())

            run(scenario())

    def test_are_refused(self, mode):
        with DockerRegistry(mode) as registry:

            async def scenario():
                async with connect(registry.url, credentials=("regatta", "wrong")) as client:
                    with pytest.raises(Unauthorized):
                        await client.find_manifest("team/app", "v1")

            run(scenario())
