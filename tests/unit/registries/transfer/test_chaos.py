"""Whatever goes wrong, a tag at the target is whole; and when nothing goes wrong any more, all tags are there."""

import asyncio
import contextlib
import random

import pytest

from registries.oci.errors import RegistryError
from registries.transfer.engine import Engine
from tests.fakes import images
from tests.fakes.artifacts import Artifact
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import Bench

REPOSITORIES = ("team/a", "team/b", "team/c")
SHARED = [images.layer(f"shared-{n}", 150_000) for n in range(2)]


def arrange(bench: Bench, dice: random.Random) -> dict[tuple[str, str], Artifact]:
    """Put some artifacts into the source and return them by repository and tag."""
    made = {}
    for repository in REPOSITORIES:
        for n in range(4):
            name = f"{repository}-{n}"
            makers = [
                lambda name=name: images.image(name, layers=[*SHARED, images.layer(name, 70_000)]),
                lambda name=name: images.nested_index(name),
                lambda name=name: images.helm_chart(name.replace("/", "-")),
                lambda name=name: images.image(name, layers=SHARED, docker=True),
            ]
            made[repository, f"v{n}"] = bench.put(dice.choice(makers)(), f"v{n}", repository=repository)
    return made


def draw_fault(dice: random.Random) -> Fault:
    """Return a fault that some request will meet."""
    trouble = dice.choice(
        [
            {"status": dice.choice([400, 401, 403, 404, 416, 500, 502, 503, 507])},
            {"status": 429, "headers": {"Retry-After": "0"}},
            {"cut_request_after": dice.choice([0, 1, 50_000, 100_000])},
            {"cut_response_after": dice.choice([1, 50_000, 100_000])},
            {"lose_answer": True},
            {"lose_upload": True},
            {"wrong_bytes": True},
            {"truncate_to": dice.choice([0, 10, 60_000])},
            {"drop_headers": ("Content-Length",)},
        ]
    )
    method = dice.choice(["", "GET", "HEAD", "POST", "PUT", "PATCH"])
    return Fault(method=method, times=dice.randint(1, 6), after=dice.randint(0, 10), **trouble)  # type: ignore[arg-type]


def assert_tags_are_whole(bench: Bench, made: dict[tuple[str, str], Artifact]) -> int:
    """Check every tag that the target has, and return how many there are."""
    count = 0
    for (repository, tag), artifact in made.items():
        if tag in bench.target.tags(repository):
            bench.assert_same(artifact, tag, repository, open_uploads=10**6)
            count += 1
    return count


@pytest.mark.parametrize("seed", range(25))
class TestChaos:
    def test_never_shows_half_a_tag_and_ends_well(self, seed: int) -> None:
        dice = random.Random(seed)
        target = FakeRegistry() if seed % 2 else FakeRegistry.like_distribution()
        with FakeRegistry() as source, target:
            bench = Bench(source, target)
            made = arrange(bench, dice)
            for _ in range(dice.randint(3, 10)):
                dice.choice([source, target]).fault(draw_fault(dice))
            bench.budget = {"tags": dice.choice([1, 3, 64]), "blobs": dice.choice([1, 64])}

            async def work(engine: Engine) -> None:
                async def copy(repository: str) -> None:
                    with contextlib.suppress(RegistryError):
                        await bench.copy_with(engine, "v0", "v1", "v2", "v3", repository=repository)

                await asyncio.gather(*map(copy, REPOSITORIES))

            bench.run(work)
            assert_tags_are_whole(bench, made)
            source.faults.clear()
            target.faults.clear()
            bench.events.clear()
            bench.run(work)
            assert {outcome.status for outcome in bench.finished} <= {"copied", "up_to_date"}
            assert assert_tags_are_whole(bench, made) == len(made)
