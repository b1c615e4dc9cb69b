import hashlib

from bench import content
from bench.content import KIB, Layer, Shape

SHAPE = Shape(2, 3, ((200, 64 * KIB), 100), shared_layers=(3_000_000,))


class TestImages:
    def test_are_the_same_every_time(self) -> None:
        assert list(content.images(SHAPE)) == list(content.images(SHAPE))

    def test_fill_every_tag_of_every_repository(self) -> None:
        found = [(image.repository, image.tag) for image in content.images(SHAPE)]

        assert found == [
            (repository, tag)
            for repository in content.repository_names(SHAPE)
            for tag in content.tag_names(SHAPE)
        ]
        assert len(found) == SHAPE.tag_count

    def test_share_the_shared_layers_and_nothing_else(self) -> None:
        images = list(content.images(SHAPE))

        assert len({image.layers[0].digest for image in images}) == 1
        assert len({layer.digest for image in images for layer in image.layers[1:]}) == 2 * SHAPE.tag_count
        assert len({image.digest for image in images}) == SHAPE.tag_count

    def test_have_layers_of_a_size_within_the_bounds(self) -> None:
        sizes = {image.layers[1].size for image in content.images(SHAPE)}

        assert 200 <= min(sizes) < max(sizes) <= 64 * KIB


class TestLayer:
    def test_has_as_many_bytes_as_it_says_and_their_digest(self) -> None:
        for size in (1, 11, 200, 1024 * KIB, 1024 * KIB + 1, 3_000_000):
            layer = Layer(size, 7)
            data = b"".join(layer.chunks())

            assert len(data) == size
            assert layer.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"

    def test_looks_like_gzip_so_that_skopeo_sends_it_as_it_is(self) -> None:
        assert next(Layer(200, 1).chunks()).startswith(b"\x1f\x8b\x08")
