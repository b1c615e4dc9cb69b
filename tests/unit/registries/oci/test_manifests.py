import json

import pytest

from registries.oci import media_types
from registries.oci.errors import (
    BlobUnknown,
    DigestMismatch,
    Forbidden,
    Immutable,
    ManifestInvalid,
    NotFound,
    Rejected,
    SchemaOneRefused,
    ServerError,
    TooLarge,
    Unsupported,
)
from registries.oci.manifest import parse_manifest
from tests.fakes import images
from tests.fakes.content import digest_of
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import connect, run

IMAGE = images.image()
OTHER = images.image("other")
MANIFEST = parse_manifest(IMAGE.root.content, IMAGE.root.media_type)


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        images.push(IMAGE, registry, "team/app", "v1")
        yield registry


def call(registry, name, *arguments, **options):
    async def scenario():
        async with connect(registry.url, **options) as client:
            return await getattr(client, name)("team/app", *arguments)

    return run(scenario())


class TestFind:
    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    def test_is_one_head(self, registry, reference):
        found = call(registry, "find_manifest", reference)
        assert (found.digest, found.size) == (IMAGE.digest, len(IMAGE.root.content))
        assert found.media_type == IMAGE.root.media_type
        assert [request.method for request in registry.requests] == ["HEAD"]

    def test_accepts_every_kind_of_manifest(self, registry):
        call(registry, "find_manifest", "v1")
        accepted = registry.requests[0].headers["Accept"].split(", ")
        assert set(accepted) == media_types.MANIFESTS

    @pytest.mark.parametrize("reference", ["v2", OTHER.digest])
    def test_returns_none_for_what_is_absent(self, registry, reference):
        assert call(registry, "find_manifest", reference) is None
        assert len(registry.requests) == 1

    def test_gets_and_hashes_where_head_has_no_digest(self, registry):
        registry.options.head_has_digest = False
        assert call(registry, "find_manifest", "v1").digest == IMAGE.digest
        assert [request.method for request in registry.requests] == ["HEAD", "GET"]

    def test_needs_no_digest_from_a_registry_that_was_given_one(self, registry):
        registry.options.head_has_digest = False
        assert call(registry, "find_manifest", IMAGE.digest).digest == IMAGE.digest
        assert len(registry.requests) == 1

    @pytest.mark.parametrize("status", [400, 405, 501])
    def test_gets_where_head_is_refused(self, registry, status):
        registry.options.head_status = status
        assert call(registry, "find_manifest", "v1").digest == IMAGE.digest
        assert call(registry, "find_manifest", "v2") is None

    def test_says_so_when_no_size_is_told(self, registry):
        registry.fault(Fault(method="HEAD", drop_headers=("Content-Length",)))
        assert call(registry, "find_manifest", "v1").size == -1

    def test_passes_refusals_on(self, registry):
        registry.fault(Fault(status=403, times=None))
        with pytest.raises(Forbidden):
            call(registry, "find_manifest", "v1")

    @pytest.mark.parametrize("reference", ["", "a/b", "../x", "sha256:abc", "v1?x=1", "v1#"])
    def test_refuses_references_that_could_leave_their_path(self, registry, reference):
        with pytest.raises(Rejected):
            call(registry, "find_manifest", reference)
        assert registry.requests == []


class TestGet:
    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    def test_returns_the_bytes(self, registry, reference):
        manifest = call(registry, "get_manifest", reference)
        assert manifest == MANIFEST
        assert manifest.content == IMAGE.root.content

    def test_believes_the_bytes_and_not_the_header(self, registry):
        registry.options.wrong_tag_digest = OTHER.digest
        assert call(registry, "get_manifest", "v1").digest == IMAGE.digest

    def test_notices_another_manifest_than_asked_for(self, registry):
        registry.fault(Fault(method="GET", wrong_bytes=True))
        with pytest.raises(DigestMismatch):
            call(registry, "get_manifest", IMAGE.digest)

    def test_of_what_is_absent_is_not_found(self, registry):
        with pytest.raises(NotFound):
            call(registry, "get_manifest", "v2")

    def test_refuses_schema_one(self, registry):
        images.push(images.schema1(), registry, "team/app", "old")
        with pytest.raises(SchemaOneRefused):
            call(registry, "get_manifest", "old")

    def test_ignores_parameters_of_the_type(self, registry):
        parameters = {"Content-Type": f"{IMAGE.root.media_type}; charset=utf-8"}
        registry.fault(Fault(method="GET", replace_headers=parameters))
        assert call(registry, "get_manifest", "v1").media_type == IMAGE.root.media_type

    def test_refuses_two_different_types(self, registry):
        registry.fault(Fault(method="GET", replace_headers={"Content-Type": media_types.OCI_INDEX}))
        with pytest.raises(ManifestInvalid):
            call(registry, "get_manifest", "v1")

    def test_refuses_to_fill_the_memory(self, registry):
        registry.fault(Fault(method="GET", status=200, body=b" " * (16 * 1024 * 1024 + 1)))
        with pytest.raises(TooLarge):
            call(registry, "get_manifest", "v1")

    def test_verifies_sha512(self, registry):
        image = images.image(algorithm="sha512")
        images.push(image, registry, "team/app")
        assert call(registry, "get_manifest", image.digest).digest == image.digest

    def test_reads_again_after_a_cut(self, registry):
        registry.fault(Fault(method="GET", cut_response_after=100))
        assert call(registry, "get_manifest", "v1") == MANIFEST


class TestPut:
    def test_stores_the_same_bytes(self, registry):
        assert call(registry, "put_manifest", "v2", MANIFEST) is False
        assert registry.manifest("team/app", "v2").content == IMAGE.root.content
        assert registry.manifest("team/app", "v2").media_type == IMAGE.root.media_type
        assert registry.requests[0].headers.getall("Content-Length") == [str(len(IMAGE.root.content))]

    def test_says_whether_the_subject_was_indexed(self, registry):
        signature = images.artifact(subject=IMAGE)
        images.push(signature, registry, "team/app")
        manifest = parse_manifest(signature.root.content, signature.root.media_type)
        assert call(registry, "put_manifest", manifest.digest, manifest) is True
        registry.options.referrers = False
        assert call(registry, "put_manifest", manifest.digest, manifest) is False

    @pytest.mark.parametrize("status", [400, 404])
    def test_with_something_missing_says_so(self, registry, status):
        body = json.dumps({"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}).encode()
        registry.fault(Fault(method="PUT", status=status, body=body))
        with pytest.raises(BlobUnknown):
            call(registry, "put_manifest", "v1", MANIFEST)

    def test_into_a_registry_without_its_blobs_is_blob_unknown(self):
        with FakeRegistry() as empty, pytest.raises(BlobUnknown):
            call(empty, "put_manifest", "v1", MANIFEST)

    def test_by_a_digest_of_an_algorithm_the_registry_does_not_know_is_unsupported(self, registry):
        registry.options.manifest_algorithms = frozenset({"sha256"})
        digest = digest_of(MANIFEST.content, "sha512")
        with pytest.raises(Unsupported, match="sha512"):
            call(registry, "put_manifest", digest, MANIFEST)
        assert len(registry.requests) == 1

    def test_by_another_digest_with_something_missing_says_so(self):
        digest = digest_of(MANIFEST.content, "sha512")
        with FakeRegistry() as empty, pytest.raises(BlobUnknown):
            call(empty, "put_manifest", digest, MANIFEST)

    def test_of_an_immutable_tag_says_so(self, registry):
        images.push(OTHER, registry, "team/app", "v2")
        registry.options.immutable_tags = True
        with pytest.raises(Immutable):
            call(registry, "put_manifest", "v2", MANIFEST)

    def test_too_large_is_permanent(self, registry):
        registry.options.max_manifest_bytes = 10
        with pytest.raises(TooLarge):
            call(registry, "put_manifest", "v2", MANIFEST)
        assert len(registry.requests) == 1

    def test_notices_that_something_else_was_stored(self, registry):
        registry.fault(Fault(method="PUT", replace_headers={"Docker-Content-Digest": OTHER.digest}))
        with pytest.raises(DigestMismatch):
            call(registry, "put_manifest", "v2", MANIFEST)

    def test_bears_with_a_registry_that_reports_no_digest(self, registry):
        registry.fault(Fault(method="PUT", drop_headers=("Docker-Content-Digest",)))
        assert call(registry, "put_manifest", "v2", MANIFEST) is False

    def test_bears_with_a_digest_of_another_algorithm(self, registry):
        digest = {"Docker-Content-Digest": digest_of(MANIFEST.content, "sha512")}
        registry.fault(Fault(method="PUT", replace_headers=digest))
        assert call(registry, "put_manifest", "v2", MANIFEST) is False

    def test_is_repeated_when_its_answer_is_lost(self, registry):
        registry.fault(Fault(method="PUT", lose_answer=True))
        call(registry, "put_manifest", "v2", MANIFEST)
        assert registry.count("PUT") == 2

    def test_gives_up_on_a_registry_that_keeps_failing(self, registry):
        registry.fault(Fault(method="PUT", status=500, times=None))
        with pytest.raises(ServerError):
            call(registry, "put_manifest", "v2", MANIFEST)


class TestDelete:
    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    def test_tells_whether_there_was_something(self, registry, reference):
        assert call(registry, "delete_manifest", reference) is True
        assert call(registry, "delete_manifest", reference) is False

    def test_of_a_tag_is_unsupported_where_only_digests_can_be_deleted(self, registry):
        registry.options.deletes_tags = False
        with pytest.raises(Unsupported):
            call(registry, "delete_manifest", "v1")

    def test_is_unsupported_where_nothing_can_be_deleted(self, registry):
        registry.options.deletes = False
        with pytest.raises(Unsupported):
            call(registry, "delete_manifest", IMAGE.digest)
