import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci import media_types
from registries.oci.digest import digest_of
from registries.oci.errors import DigestMismatch, ManifestInvalid, RegistryError, SchemaOneRefused
from registries.oci.manifest import parse_manifest, parse_referrers
from tests.fakes import images

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b"{}"), "size": 2}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(b"layer"), "size": 5}


def manifest(**fields):
    return {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": CONFIG,
        "layers": [LAYER],
        **fields,
    }


def index(**fields):
    child = {"mediaType": media_types.OCI_MANIFEST, "digest": digest_of(b"child"), "size": 5}
    return {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [child], **fields}


def parse(document, content_type=None, **options):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    if content_type is None:
        content_type = document.get("mediaType", "")
    return parse_manifest(content, content_type, **options)


class TestParseManifest:
    def test_keeps_the_bytes_and_computes_their_digest(self):
        content = json.dumps(manifest(), indent=3).encode() + b"\n\n"
        parsed = parse_manifest(content, media_types.OCI_MANIFEST)
        assert parsed.content == content
        assert parsed.digest == digest_of(content)

    def test_finds_config_and_layers_in_order(self):
        parsed = parse(manifest())
        assert [blob.digest for blob in parsed.blobs] == [CONFIG["digest"], LAYER["digest"]]
        assert not parsed.is_index
        assert parsed.manifests == ()

    def test_finds_the_children_of_an_index(self):
        parsed = parse(index())
        assert parsed.is_index
        assert [child.digest for child in parsed.manifests] == [digest_of(b"child")]
        assert parsed.blobs == ()

    def test_describes_itself(self):
        parsed = parse(manifest(artifactType="application/x"))
        assert parsed.descriptor.digest == parsed.digest
        assert parsed.descriptor.size == len(parsed.content)
        assert parsed.descriptor.media_type == media_types.OCI_MANIFEST
        assert parsed.descriptor.artifact_type == "application/x"

    @pytest.mark.parametrize("header", ["", "application/json", "application/octet-stream; charset=utf-8"])
    def test_takes_the_type_from_the_body_where_the_header_says_nothing(self, header):
        assert parse(manifest(), header).media_type == media_types.OCI_MANIFEST

    def test_takes_the_type_from_the_header_where_the_body_says_nothing(self):
        document = manifest()
        del document["mediaType"]
        assert parse(document, media_types.OCI_MANIFEST).media_type == media_types.OCI_MANIFEST

    def test_ignores_parameters_and_case_of_the_header(self):
        header = media_types.OCI_MANIFEST.upper() + "; charset=utf-8"
        assert parse(manifest(), header).media_type == media_types.OCI_MANIFEST

    def test_refuses_two_different_types(self):
        with pytest.raises(ManifestInvalid, match="calls itself"):
            parse(manifest(), media_types.DOCKER_MANIFEST)

    def test_refuses_a_body_without_any_type(self):
        document = manifest()
        del document["mediaType"]
        with pytest.raises(ManifestInvalid, match="not a manifest type"):
            parse(document, "application/json")

    @pytest.mark.parametrize("declared", ["text", "a/b\r\nX-Injected: 1", "a/b c", "/", "ä/b"])
    def test_refuses_a_type_that_is_none(self, declared):
        with pytest.raises(ManifestInvalid, match="not a manifest type"):
            parse(manifest(mediaType=declared), "")

    @pytest.mark.parametrize(
        "document",
        [
            manifest(manifests=[]),
            index(layers=[]),
            index(config=CONFIG),
            {"mediaType": "application/x", "manifests": [], "layers": []},
        ],
    )
    def test_refuses_what_could_be_read_as_both_image_and_index(self, document):
        with pytest.raises(ManifestInvalid):
            parse(document)

    @pytest.mark.parametrize(
        ("document", "header"),
        [
            ({"schemaVersion": 1, "fsLayers": []}, media_types.DOCKER_SCHEMA_ONE_SIGNED),
            ({"schemaVersion": 1, "fsLayers": []}, "application/json"),
            ({"fsLayers": []}, media_types.DOCKER_SCHEMA_ONE),
        ],
    )
    def test_refuses_schema_one_in_plain_words(self, document, header):
        with pytest.raises(SchemaOneRefused, match="schema 1"):
            parse(document, header)

    def test_refuses_bytes_with_another_digest_than_expected(self):
        with pytest.raises(DigestMismatch):
            parse(manifest(), expected_digest=digest_of(b"other"))

    def test_verifies_in_the_algorithm_that_is_expected(self):
        content = json.dumps(manifest()).encode()
        expected = digest_of(content, "sha512")
        assert parse_manifest(content, "", expected_digest=expected).digest == expected

    @pytest.mark.parametrize(
        "layer",
        [
            "text",
            {"size": 1},
            {"digest": "sha256:short", "size": 1},
            {"digest": LAYER["digest"]},
            {"digest": LAYER["digest"], "size": -1},
            {"digest": LAYER["digest"], "size": "1"},
            {"digest": LAYER["digest"], "size": True},
            {"digest": LAYER["digest"], "size": 1, "mediaType": 5},
        ],
    )
    def test_refuses_malformed_descriptors(self, layer):
        with pytest.raises(ManifestInvalid):
            parse(manifest(layers=[layer]))

    @pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
    def test_refuses_what_is_no_json_object(self, content):
        with pytest.raises(ManifestInvalid):
            parse_manifest(content, media_types.OCI_MANIFEST)

    @given(st.binary(max_size=60) | st.from_regex(r"\{.{0,60}\}").map(str.encode))
    def test_raises_nothing_but_its_own_errors(self, content):
        try:
            parse_manifest(content, media_types.OCI_MANIFEST)
        except RegistryError:
            return
        assert json.loads(content) is not None

    def test_reads_unknown_kinds_without_loss(self):
        parsed = parse(
            {"schemaVersion": 2, "mediaType": "application/vnd.example+json", "layers": [LAYER], "x": 1}
        )
        assert parsed.media_type == "application/vnd.example+json"
        assert len(parsed.blobs) == 1

    def test_reads_the_blobs_of_oci_artifact_manifests(self):
        parsed = parse({"mediaType": media_types.OCI_ARTIFACT, "artifactType": "a/b", "blobs": [LAYER]})
        assert [blob.digest for blob in parsed.blobs] == [LAYER["digest"]]

    def test_reads_subject_artifact_type_and_annotations(self):
        parsed = parse(manifest(subject=CONFIG, artifactType="a/b", annotations={"k": "v", "bad": 1}))
        assert parsed.subject is not None
        assert parsed.subject.digest == CONFIG["digest"]
        assert parsed.artifact_type == "a/b"
        assert parsed.annotations == {"k": "v"}

    def test_reads_everything_a_descriptor_may_hold(self):
        child = {
            **LAYER,
            "artifactType": "a/b",
            "urls": ["https://example.com/x", 7],
            "annotations": {"k": "v"},
            "platform": {"os": "linux", "architecture": "amd64"},
            "data": base64.b64encode(b"layer").decode(),
        }
        blob = parse(manifest(layers=[child])).layers[0]
        assert blob.urls == ("https://example.com/x",)
        assert blob.annotations == {"k": "v"}
        assert blob.platform == {"os": "linux", "architecture": "amd64"}
        assert blob.data == b"layer"
        assert hash(blob)

    @pytest.mark.parametrize(
        "data", ["!!!", base64.b64encode(b"wrong").decode(), base64.b64encode(b"l").decode(), 5]
    )
    def test_does_not_believe_inline_data_that_is_not_the_content(self, data):
        assert parse(manifest(layers=[{**LAYER, "data": data}])).layers[0].data is None

    def test_lets_entries_of_an_index_lack_a_platform(self):
        assert parse(index()).manifests[0].platform is None


class TestKind:
    def test_of_a_helm_chart_is_chart(self):
        chart = images.helm_chart()
        assert parse_manifest(chart.root.content, chart.root.media_type).kind == "chart"

    def test_follows_the_artifact_type_of_an_empty_config(self):
        empty = {**CONFIG, "mediaType": "application/vnd.oci.empty.v1+json"}
        parsed = parse(manifest(config=empty, artifactType="application/vnd.cncf.helm.config.v1+json"))
        assert parsed.kind == "chart"

    @pytest.mark.parametrize(
        "build", [images.image, images.multi_platform, images.artifact, images.no_layers]
    )
    def test_of_everything_else_is_image(self, build):
        root = build().root
        assert parse_manifest(root.content, root.media_type).kind == "image"


@pytest.mark.parametrize(
    "build",
    [
        images.image,
        images.multi_platform,
        images.nested_index,
        images.list_without_platforms,
        images.sparse_index,
        images.helm_chart,
        images.artifact,
        images.no_layers,
        images.zero_byte_blob,
        images.unknown_fields,
        images.foreign_layers,
    ],
)
def test_every_odd_shape_is_read_under_its_digest(build):
    for file in build().manifests:
        assert parse_manifest(file.content, file.media_type).digest == file.digest


def test_foreign_layers_are_recognised():
    file = images.foreign_layers().root
    assert any(layer.is_foreign for layer in parse_manifest(file.content, file.media_type).layers)


class TestParseReferrers:
    def test_returns_the_descriptors(self):
        assert [found.size for found in parse_referrers(json.dumps(index()).encode())] == [5]

    def test_refuses_what_is_no_index(self):
        with pytest.raises(ManifestInvalid):
            parse_referrers(b"<html>")
