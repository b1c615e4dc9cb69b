"""What is sent is hashed once, by whoever sees it first."""

import pytest

from registries.oci.digest import HashedChunk, digest_of, new_hasher
from registries.oci.errors import DigestMismatch
from registries.oci.manifest import Descriptor
from registries.oci.upload_body import Verifier

PIECES = (b"one " * 100, b"two " * 50, b"three")
DATA = b"".join(PIECES)
BLOB = Descriptor("a/b", digest_of(DATA), len(DATA))


def hashed(*pieces: bytes) -> list[HashedChunk]:
    """Return the pieces as a download shares them."""
    hasher = new_hasher("sha256")
    found = []
    for piece in pieces:
        hasher.update(piece)
        chunk = HashedChunk(piece)
        chunk.hasher = hasher.copy()
        found.append(chunk)
    return found


def feed(*chunks: bytes) -> Verifier:
    verifier = Verifier(BLOB)
    position = 0
    for chunk in chunks:
        verifier.feed(chunk, position)
        position += len(chunk)
    return verifier


class TestVerifier:
    def test_takes_over_the_hash_of_who_brings_the_bytes(self):
        feed(*hashed(*PIECES)).check()

    def test_goes_on_by_itself_where_that_ends(self):
        feed(*hashed(*PIECES[:2]), PIECES[2]).check()

    def test_changes_nothing_for_others_who_send_the_same(self):
        shared = hashed(*PIECES[:2])
        feed(*shared, b"wrong")
        feed(*shared, PIECES[2]).check()

    def test_skips_what_it_has_seen(self):
        verifier = feed(*hashed(*PIECES[:2]))
        verifier.feed(DATA[2:], 2)
        verifier.check()

    @pytest.mark.parametrize("chunks", [(b"x" * len(DATA),), hashed(b"x" * len(DATA))])
    def test_refuses_other_bytes(self, chunks):
        with pytest.raises(DigestMismatch):
            feed(*chunks).check()
