import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci import digest
from registries.oci.errors import ManifestInvalid


class TestIsDigest:
    @pytest.mark.parametrize("text", ["sha256:" + "a" * 64, "sha512:" + "0" * 128])
    def test_accepts_what_can_be_verified(self, text):
        assert digest.is_digest(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "latest",
            "sha256:",
            "sha256:" + "a" * 63,
            "sha256:" + "a" * 65,
            "sha256:" + "A" * 64,
            "sha512:" + "a" * 64,
            "sha256:" + "a" * 64 + "\n",
            "md5:" + "a" * 32,
            "sha256:" + "\u0661" * 64,
        ],
    )
    def test_refuses_everything_else(self, text):
        assert not digest.is_digest(text)


class TestDigestOf:
    @given(st.binary(max_size=100), st.sampled_from(["sha256", "sha512"]))
    def test_is_what_hashlib_says(self, content, algorithm):
        expected = hashlib.new(algorithm, content).hexdigest()
        assert digest.digest_of(content, algorithm) == f"{algorithm}:{expected}"
        assert digest.algorithm_of(digest.digest_of(content, algorithm)) == algorithm

    def test_knows_the_digest_of_nothing(self):
        assert digest.digest_of(b"") == digest.EMPTY_SHA256

    def test_refuses_an_unknown_algorithm(self):
        with pytest.raises(ManifestInvalid):
            digest.digest_of(b"", "md5")


def test_algorithm_of_refuses_what_is_no_digest():
    with pytest.raises(ManifestInvalid, match="not a digest"):
        digest.algorithm_of("latest")
