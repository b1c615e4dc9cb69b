import gzip

import pytest

from tests.fakes import images
from tests.fakes.content import digest_of
from tests.fakes.registry import FakeRegistry

COMPLETE = [
    images.image(),
    images.image("docker", docker=True),
    images.image("sha512", algorithm="sha512"),
    images.image("inline", inline_config=True),
    images.multi_platform(),
    images.multi_platform("docker", docker=True),
    images.nested_index(),
    images.list_without_platforms(),
    images.artifact(),
    images.artifact(subject=images.image()),
    images.no_layers(),
    images.zero_byte_blob(),
    images.unknown_fields(),
    images.foreign_layers(),
    images.schema1(),
    images.helm_chart(),
    images.helm_chart(legacy=True, has_provenance=False),
    images.signature(images.image()),
    images.referrers_fallback(images.image(), [images.artifact(subject=images.image())]),
]


class TestPush:
    @pytest.mark.parametrize("artifact", COMPLETE)
    def test_makes_over_http_what_it_makes_directly(self, artifact):
        with FakeRegistry() as direct, FakeRegistry() as over_http:
            images.push(artifact, direct, "team/app", "v1")
            images.push(artifact, over_http.url, "team/app", "v1")
            assert direct.tags("team/app") == {"v1": artifact.digest, **artifact.tags}
            assert over_http.manifests("team/app") >= direct.manifests("team/app")
            assert over_http.blobs("team/app") == direct.blobs("team/app")


class TestImage:
    def test_is_the_same_for_the_same_seed(self):
        assert images.image("a") == images.image("a")
        assert images.image("a").digest != images.image("b").digest

    def test_shares_the_layers_it_is_given(self):
        base = images.layer("base")
        first, second = images.image("a", layers=[base]), images.image("b", layers=[base])
        assert set(first.blobs) & set(second.blobs) == {digest_of(base)}


class TestLayer:
    def test_is_a_gzipped_archive_of_the_wanted_size(self):
        content = images.layer("seed", 5000)
        assert len(gzip.decompress(content)) >= 5000
        assert content == images.layer("seed", 5000)


class TestFallbackTag:
    def test_shortens_long_digests(self):
        assert images.fallback_tag("sha512:" + "a" * 128) == "sha512-" + "a" * 64
