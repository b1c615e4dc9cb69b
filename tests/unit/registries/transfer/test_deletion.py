"""Mirrored deletes remove the tags that were named and nothing else."""

import itertools

import pytest

from registries.oci.errors import Unauthorized
from registries.transfer.engine import Engine, Stopped
from tests.fakes import images
from tests.fakes.faults import Fault
from tests.fakes.images import Artifact
from tests.unit.registries.transfer.harness import REPOSITORY, Bench, never


@pytest.fixture
def old(bench: Bench) -> Bench:
    """A target that deletes only by digest."""
    bench.target.options.deletes_tags = False
    return bench


def put(bench: Bench, artifact: Artifact, *tags: str) -> Artifact:
    images.push(artifact, bench.target, REPOSITORY)
    for tag in tags:
        bench.target.put_tag(REPOSITORY, tag, artifact.digest)
    return artifact


def delete(bench: Bench, *tags: str) -> dict[str, str | None]:
    """Delete the tags, and return reason or status by tag."""

    async def work(engine: Engine) -> None:
        await engine.delete_tags(REPOSITORY, tags, emit=bench.events.append, is_stopping=never)

    bench.run(work)
    return {tag: outcome.reason or outcome.status for tag, outcome in bench.outcomes.items()}


class TestDeletionByTag:
    def test_removes_the_tags_and_keeps_others_of_the_same_digest(self, bench: Bench) -> None:
        put(bench, images.image(), "v1", "v2", "v3")
        assert delete(bench, "v1", "v2") == {"v1": "deleted", "v2": "deleted"}
        assert set(bench.target.tags(REPOSITORY)) == {"v3"}
        assert bench.asked(bench.target) == {"DELETE manifest": 2}

    def test_counts_an_absent_tag_as_deleted(self, bench: Bench) -> None:
        put(bench, images.image(), "v1")
        assert delete(bench, "gone") == {"gone": "deleted"}
        assert set(bench.target.tags(REPOSITORY)) == {"v1"}

    def test_of_no_tags_asks_nothing(self, bench: Bench) -> None:
        assert delete(bench) == {}
        assert bench.target.count() == 0

    def test_that_fails_for_one_tag_goes_on_with_the_others(self, bench: Bench) -> None:
        put(bench, images.image(), "v1", "v2")
        bench.target.fault(Fault(method="DELETE", path="/v1$", status=502, times=None))
        assert delete(bench, "v1", "v2") == {"v1": "server_error", "v2": "deleted"}
        assert bench.outcomes["v1"].is_retryable
        assert bench.outcomes["v1"].side == "target"

    def test_ends_when_the_credentials_are_refused(self, bench: Bench) -> None:
        put(bench, images.image(), "v1", "v2")
        bench.target.fault(Fault(method="DELETE", status=401, times=None))
        with pytest.raises(Unauthorized):
            delete(bench, "v1", "v2")
        assert set(bench.target.tags(REPOSITORY)) == {"v1", "v2"}

    def test_stops_between_tags(self, bench: Bench) -> None:
        put(bench, images.image(), *(f"v{n}" for n in range(10)))
        bench.budget = {"tags": 1}
        answers = itertools.chain([False] * 6, itertools.repeat(True))

        async def work(engine: Engine) -> None:
            await engine.delete_tags(
                REPOSITORY,
                [f"v{n}" for n in range(10)],
                emit=bench.events.append,
                is_stopping=lambda: next(answers),
            )

        with pytest.raises(Stopped):
            bench.run(work)
        assert 0 < len(bench.target.tags(REPOSITORY)) < 10
        assert len(bench.target.tags(REPOSITORY)) + len(bench.finished) == 10


class TestDeletionByDigest:
    def test_is_used_where_nothing_else_is_lost(self, old: Bench) -> None:
        put(old, images.image("a"), "v1", "v2")
        put(old, images.image("b"), "v3")
        assert delete(old, "v1", "v2") == {"v1": "deleted", "v2": "deleted"}
        assert set(old.target.tags(REPOSITORY)) == {"v3"}
        assert old.target.count("DELETE", "sha256:") == 1

    def test_is_refused_if_another_tag_would_go_too(self, old: Bench) -> None:
        put(old, images.image("a"), "v1", "latest")
        put(old, images.image("b"), "v2")
        assert delete(old, "v1", "v2") == {"v1": "tag_delete_unsupported", "v2": "deleted"}
        assert set(old.target.tags(REPOSITORY)) == {"v1", "latest"}
        assert (old.outcomes["v1"].status, old.outcomes["v1"].side) == ("failed", "target")

    def test_is_refused_if_an_index_needs_the_manifest(self, old: Bench) -> None:
        index = put(old, images.nested_index(), "all")
        inner = Artifact(index.manifests[:1])
        put(old, inner, "amd64")
        assert delete(old, "amd64") == {"amd64": "tag_delete_unsupported"}
        assert set(old.target.tags(REPOSITORY)) == {"all", "amd64"}

    def test_removes_index_and_child_together(self, old: Bench) -> None:
        index = put(old, images.multi_platform(), "all")
        put(old, Artifact(index.manifests[:1]), "amd64")
        put(old, images.image("other"), "other")
        assert delete(old, "amd64", "all") == {"amd64": "deleted", "all": "deleted"}
        assert set(old.target.tags(REPOSITORY)) == {"other"}

    def test_counts_an_absent_tag_as_deleted(self, old: Bench) -> None:
        put(old, images.image("a"), "v1")
        assert delete(old, "v1", "gone") == {"v1": "deleted", "gone": "deleted"}

    def test_is_found_out_once(self, old: Bench) -> None:
        put(old, images.image("a"), *(f"v{n}" for n in range(5)))
        delete(old, *(f"v{n}" for n in range(5)))
        assert old.target.count("DELETE", "/manifests/v") == 1
        assert old.target.count("DELETE", "/manifests/sha256") == 1

    def test_is_used_where_the_registry_denies_that_tags_exist(self, bench: Bench) -> None:
        put(bench, images.image("a"), "v1")
        bench.target.fault(Fault(method="DELETE", path="/manifests/v1", status=404, times=None))
        assert delete(bench, "v1") == {"v1": "deleted"}
        assert bench.target.tags(REPOSITORY) == {}

    def test_that_is_forbidden_altogether_fails_the_tags(self, old: Bench) -> None:
        put(old, images.image("a"), "v1", "v2")
        old.target.options.deletes = False
        assert delete(old, "v1", "v2") == {"v1": "unsupported", "v2": "unsupported"}
        assert set(old.target.tags(REPOSITORY)) == {"v1", "v2"}
