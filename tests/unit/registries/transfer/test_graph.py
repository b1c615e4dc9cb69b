import pytest

from registries.oci.manifest import Manifest, parse_manifest
from registries.oci.reference import fallback_tag
from registries.transfer import graph
from tests.fakes import images
from tests.fakes.images import Artifact

DIGEST = "sha256:" + "ab" * 32


def parsed(artifact: Artifact) -> Manifest:
    return parse_manifest(artifact.root.content, artifact.root.media_type)


class TestBlobsToCopy:
    def test_names_each_blob_once_and_the_largest_first(self) -> None:
        big, small = images.layer("big", 4000), images.layer("small", 10)
        manifest = parsed(images.image(layers=[small, big, small]))
        found = [blob.size for blob in graph.blobs_to_copy(manifest, foreign_layers=False)]
        assert len(found) == 3
        assert found == sorted(found, reverse=True)

    @pytest.mark.parametrize("docker", [True, False])
    def test_leaves_a_foreign_layer_where_it_is_unless_asked(self, docker: bool) -> None:
        manifest = parsed(images.foreign_layers(docker=docker))
        without = graph.blobs_to_copy(manifest, foreign_layers=False)
        with_them = graph.blobs_to_copy(manifest, foreign_layers=True)
        assert len(with_them) == len(without) + 1

    def test_takes_a_foreign_layer_that_names_no_place(self) -> None:
        manifest = parsed(images.foreign_layers(urls=()))
        assert len(graph.blobs_to_copy(manifest, foreign_layers=False)) == len(manifest.blobs)


class TestIdentifyingBlob:
    def test_is_the_config_of_an_image(self) -> None:
        manifest = parsed(images.image())
        assert graph.identifying_blob(manifest) == manifest.config

    def test_is_never_content_that_many_manifests_share(self) -> None:
        manifest = parsed(images.artifact(contents=(b"", b"special")))
        found = graph.identifying_blob(manifest)
        assert found is not None
        assert found.size == len(b"special")

    def test_is_absent_where_nothing_identifies(self) -> None:
        assert graph.identifying_blob(parsed(images.artifact(contents=()))) is None


class TestContentOf:
    def test_knows_embedded_empty_and_common_content(self) -> None:
        manifest = parsed(images.artifact(contents=(b"",)))
        assert [graph.content_of(blob) for blob in manifest.blobs] == [b"{}", b""]

    def test_knows_no_other_content(self) -> None:
        manifest = parsed(images.image())
        assert [graph.content_of(blob) for blob in manifest.blobs] == [None, None, None]


class TestAttachable:
    def test_leaves_out_what_a_builder_attested(self) -> None:
        image, attestation = images.image("image"), images.image("attestation")
        annotations = {
            "vnd.docker.reference.digest": image.digest,
            "vnd.docker.reference.type": "attestation-manifest",
        }
        index = parsed(images.index([image], missing=[attestation.root.descriptor(annotations=annotations)]))
        assert graph.attachable(index.manifests) == [image.digest]


class TestCompanions:
    def test_of_a_digest_are_recognised_as_such(self) -> None:
        stem = "sha256-" + "ab" * 32
        assert graph.cosign_tags(DIGEST) == [f"{stem}.sig", f"{stem}.att", f"{stem}.sbom"]
        assert all(graph.is_companion(tag) for tag in [*graph.cosign_tags(DIGEST), fallback_tag(DIGEST)])

    @pytest.mark.parametrize("tag", ["v1", "sha256-abc", "sha256-" + "ab" * 32 + ".txt", "latest.sig"])
    def test_are_not_confused_with_tags_of_people(self, tag: str) -> None:
        assert not graph.is_companion(tag)
