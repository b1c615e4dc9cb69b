from registries.oci.manifest import Manifest
from registries.transfer.recent import RecentManifests


def manifest(name: str, size: int) -> Manifest:
    return Manifest(content=bytes(size), media_type="application/vnd.example", digest=name)


class TestRecentManifests:
    def test_finds_what_was_added(self) -> None:
        recent = RecentManifests()
        recent.add(manifest("a", 10))
        assert recent.find("a") == manifest("a", 10)
        assert recent.find("b") is None

    def test_lets_the_oldest_go_when_there_are_too_many_bytes(self) -> None:
        recent = RecentManifests(max_bytes=25)
        for name in ("a", "b", "b", "c"):
            recent.add(manifest(name, 10))
        assert [recent.find(name) is not None for name in "abc"] == [False, True, True]

    def test_keeps_the_last_one_however_large(self) -> None:
        recent = RecentManifests(max_bytes=1)
        recent.add(manifest("a", 10))
        recent.add(manifest("b", 10))
        assert recent.find("b") is not None
        assert recent.find("a") is None
