from registries.transfer.known import KnownBlobs

DIGEST = "sha256:" + "a" * 64


class TestKnownBlobs:
    def test_knows_nothing_at_first(self) -> None:
        known = KnownBlobs()
        assert not known.has("a", DIGEST)
        assert known.find_origin("a", DIGEST) is None

    def test_names_another_repository_never_the_asking_one(self) -> None:
        known = KnownBlobs()
        known.add("a", DIGEST)
        assert known.has("a", DIGEST)
        assert known.find_origin("a", DIGEST) is None
        assert known.find_origin("b", DIGEST) == "a"

    def test_names_the_repository_that_was_seen_last(self) -> None:
        known = KnownBlobs()
        known.add("a", DIGEST)
        known.add("b", DIGEST)
        known.add("a", DIGEST)
        assert known.find_origin("c", DIGEST) == "a"

    def test_forgets_one_repository_and_keeps_the_others(self) -> None:
        known = KnownBlobs()
        known.add("a", DIGEST)
        known.add("b", DIGEST)
        known.forget("b", DIGEST)
        assert not known.has("b", DIGEST)
        assert known.find_origin("b", DIGEST) == "a"
        known.forget("a", DIGEST)
        assert len(known) == 0

    def test_forgetting_the_unknown_is_harmless(self) -> None:
        known = KnownBlobs()
        known.forget("a", DIGEST)
        assert len(known) == 0

    def test_drops_the_oldest_digest_when_full(self) -> None:
        known = KnownBlobs(max_digests=2)
        known.add("a", "one")
        known.add("a", "two")
        known.add("b", "one")
        known.add("a", "three")
        assert len(known) == 2
        assert known.has("a", "one")
        assert not known.has("a", "two")

    def test_keeps_a_bounded_number_of_repositories_per_digest(self) -> None:
        known = KnownBlobs()
        for number in range(1000):
            known.add(f"r{number}", DIGEST)
        assert known.has("r999", DIGEST)
        assert sum(known.has(f"r{number}", DIGEST) for number in range(1000)) == 8
