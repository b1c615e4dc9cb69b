"""The request budget of the engine, counted on the registries' own logs."""

import asyncio

import pytest

from registries.oci.pace import Pace
from registries.transfer.engine import Engine
from tests.fakes import images
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import REPOSITORY, Bench


class TestUnchangedTag:
    def test_costs_one_head_on_each_side(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        images.push(image, bench.target, REPOSITORY, "v1")
        assert bench.copy("v1")["v1"].status == "up_to_date"
        assert bench.asked(bench.source) == {"HEAD manifest": 1}
        assert bench.asked(bench.target) == {"HEAD manifest": 1}

    def test_costs_no_more_with_referrers_and_known_lists(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1", "v2")
        images.push(image, bench.target, REPOSITORY, "v1")
        bench.target.put_tag(REPOSITORY, "v2", image.digest)
        outcomes = bench.copy("v1", "v2", target_tags={"v1", "v2"}, source_tags={"v1", "v2"}, referrers=True)
        assert {outcome.status for outcome in outcomes.values()} == {"up_to_date"}
        assert bench.asked(bench.source) == {"HEAD manifest": 2}
        assert bench.asked(bench.target) == {"HEAD manifest": 2}

    def test_lists_the_target_once_for_many_tags(self, bench: Bench) -> None:
        image = bench.put(images.image(), *(f"v{n}" for n in range(20)))
        images.push(image, bench.target, REPOSITORY)
        for n in range(20):
            bench.target.put_tag(REPOSITORY, f"v{n}", image.digest)
        bench.copy(*(f"v{n}" for n in range(20)))
        assert bench.asked(bench.target) == {"HEAD manifest": 20, "GET tags": 1}
        assert bench.asked(bench.source) == {"HEAD manifest": 20}

    def test_asks_for_each_tag_where_the_target_refuses_to_list(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1", "v2")
        images.push(image, bench.target, REPOSITORY, "v1")
        bench.target.fault(Fault(path="/tags/list", status=405, times=None))
        outcomes = bench.copy("v1", "v2")
        assert [outcomes["v1"].status, outcomes["v2"].status] == ["up_to_date", "copied"]


class TestNewTag:
    def test_of_an_absent_repository_asks_nothing_about_blobs(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=3), "v1")
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.digest, outcome.kind) == ("copied", image.digest, "image")
        assert bench.asked(bench.source) == {"GET manifest": 1, "GET blob": 4}
        assert bench.asked(bench.target) == {"POST upload": 4, "PUT upload": 4, "PUT manifest": 1}
        bench.assert_same(image, "v1")

    def test_reports_its_bytes_once(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=3), "v1")
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert outcome.bytes_copied == bench.bytes_copied == image.blob_bytes

    def test_alone_costs_a_head_instead_of_a_list(self, bench: Bench) -> None:
        bench.put(images.image(), "v1")
        bench.copy("v1")
        assert bench.target.count("GET", "tags/list") == 0
        assert bench.target.count("HEAD", "manifests/v1") == 1
        assert bench.asked(bench.source) == {"GET manifest": 1, "GET blob": 3}

    def test_missing_in_the_targets_list_costs_no_head(self, bench: Bench) -> None:
        bench.put(images.image("old"), "v1")
        images.push(images.image("other"), bench.target, REPOSITORY, "v0")
        bench.copy("v1", target_tags={"v0"})
        assert bench.target.count("HEAD", "manifests/") == 0

    def test_of_an_existing_repository_asks_for_each_blob_once(self, bench: Bench) -> None:
        base = images.layer("base")
        images.push(images.image("old", layers=[base]), bench.target, REPOSITORY, "v0")
        image = bench.put(images.image("new", layers=[base, images.layer("top")]), "v1")
        bench.copy("v1", target_tags={"v0"})
        assert bench.asked(bench.target) == {
            "HEAD blob": 3, "POST upload": 2, "PUT upload": 2, "PUT manifest": 1
        }  # fmt: skip
        bench.assert_same(image, "v1")

    def test_for_content_that_the_target_has_writes_the_tag_alone(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=5), "v1", "stable")
        images.push(image, bench.target, REPOSITORY, "v1")
        bench.copy("stable", target_tags={"v1"})
        assert bench.asked(bench.target) == {"HEAD blob": 1, "HEAD manifest": 1, "PUT manifest": 1}
        assert bench.asked(bench.source) == {"GET manifest": 1}

    def test_for_an_index_that_the_target_has_writes_the_tag_alone(self, bench: Bench) -> None:
        index = bench.put(images.multi_platform(platforms=4), "v1", "stable")
        images.push(index, bench.target, REPOSITORY, "v1")
        bench.copy("stable", target_tags={"v1"})
        assert bench.asked(bench.target) == {"HEAD manifest": 1, "PUT manifest": 1}
        assert bench.asked(bench.source) == {"GET manifest": 1}

    def test_moves_content_that_needs_no_get(self, bench: Bench) -> None:
        artifact = bench.put(images.artifact(contents=(b"", b"{}")), "v1")
        bench.copy("v1", target_tags=set())
        assert bench.source.count("GET", "/blobs/") == 0
        bench.assert_same(artifact, "v1")


class TestSourceThatCountsReads:
    def test_is_read_once_for_all_tags_of_a_digest(self, bench: Bench) -> None:
        quota = {"ratelimit-remaining": "76;w=21600"}
        bench.source.fault(Fault(path="/manifests/", replace_headers=quota, times=None))
        tags = [f"v{n}" for n in range(20)]
        first = bench.put(images.image("first"), "first")
        image = bench.put(images.image("same"), *tags)

        async def work(engine: Engine) -> None:
            await bench.copy_with(engine, "first", target_tags=set())
            await bench.copy_with(engine, *tags, target_tags={"first"})

        bench.run(work)
        assert bench.source.count("GET", "/manifests/") == 2
        assert bench.source.count("HEAD", "/manifests/") == 20
        assert bench.target.tags(REPOSITORY) == {"first": first.digest, **dict.fromkeys(tags, image.digest)}

    def test_is_asked_for_companions_without_being_read(self, bench: Bench) -> None:
        quota = {"ratelimit-remaining": "76;w=21600"}
        bench.source.fault(Fault(path="/manifests/", replace_headers=quota, times=None))
        bench.put(images.image("first"), "v1")
        bench.copy("v1", target_tags=set(), referrers=True)
        assert bench.source.count("HEAD", r"\.(sig|att|sbom)$") == 3
        assert bench.source.count("GET", "/manifests/") == 1


class TestSameDigestUnderSeveralTags:
    def test_moves_once_and_writes_each_tag(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=2), "v1", "v1.2", "latest")
        bench.copy("v1", "v1.2", "latest", target_tags=set())
        assert bench.asked(bench.source) == {"GET manifest": 3, "GET blob": 3}
        assert bench.asked(bench.target) == {"POST upload": 3, "PUT upload": 3, "PUT manifest": 3}
        assert bench.target.tags(REPOSITORY) == dict.fromkeys(["v1", "v1.2", "latest"], image.digest)

    def test_writes_the_children_of_an_index_once(self, bench: Bench) -> None:
        index = bench.put(images.multi_platform(platforms=3), "v1", "latest")
        bench.copy("v1", "latest", target_tags=set())
        assert bench.target.count("PUT", "manifests/sha256:") == 3
        assert bench.target.count("PUT", "manifests/(v1|latest)") == 2
        assert bench.target.count("POST", "uploads") == len(index.blobs)
        bench.assert_same(index, "latest")


class TestBlobOfAnotherRepository:
    def test_is_mounted_with_one_post(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=2), "v1")
        bench.put(image, "v1", repository="team/fork")

        async def work(engine: Engine) -> None:
            await bench.copy_with(engine, "v1", target_tags=set())
            bench.forget()
            await bench.copy_with(engine, "v1", repository="team/fork", target_tags=set())

        bench.run(work)
        assert bench.asked(bench.target) == {"POST upload": 3, "PUT manifest": 1}
        assert bench.asked(bench.source) == {"GET manifest": 1}
        bench.assert_same(image, "v1", "team/fork")

    def test_is_mounted_without_a_head_where_the_repository_exists(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=2), "v1")
        images.push(image, bench.target, "team/base")
        images.push(images.image("old"), bench.target, REPOSITORY, "v0")
        for digest in image.blobs:
            bench.known.add("team/base", digest)
        bench.copy("v1", target_tags={"v0"})
        # The config decides whether the manifest may be there, so it is asked for.
        assert bench.asked(bench.target) == {"HEAD blob": 1, "POST upload": 3, "PUT manifest": 1}

    @pytest.mark.parametrize("status", [202, 401, 403, 404])
    def test_is_sent_when_the_mount_is_refused(self, bench: Bench, status: int) -> None:
        bench.target.options.mount_status = status
        image = bench.put(images.image(layers=1), "v1")
        images.push(image, bench.target, "team/base")
        for digest in image.blobs:
            bench.known.add("team/base", digest)
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        bench.assert_same(image, "v1")

    def test_uses_the_session_of_a_declined_mount(self, bench: Bench) -> None:
        bench.target.options.mount_status = 202
        image = bench.put(images.image(layers=1), "v1")
        for digest in image.blobs:
            bench.known.add("team/gone", digest)
        bench.copy("v1", target_tags=set())
        assert bench.asked(bench.target) == {"POST upload": 2, "PUT upload": 2, "PUT manifest": 1}

    def test_is_asked_for_where_it_is_once_mounts_were_declined_too_often(self, bench: Bench) -> None:
        bench.target.options.mount_status = 202
        images.push(images.image("old"), bench.target, REPOSITORY, "v0")
        tags = [f"v{n}" for n in range(1, 11)]
        for tag in tags:
            image = bench.put(images.image(tag, layers=1), tag)
            for digest, content in image.blobs.items():
                bench.known.add("team/base", digest)
                bench.target.put_blob(REPOSITORY, content)
        bench.budget = {"tags": 1}
        bench.copy(*tags, target_tags={"v0"})
        assert bench.target.count("POST", "/uploads/") == 3
        assert bench.target.open_uploads() == 0
        assert bench.source.count("GET", "/blobs/") == 0
        assert all(bench.known.has("team/base", digest) for digest in image.blobs)

    def test_is_sent_once_when_many_repositories_want_it_at_the_same_time(self, bench: Bench) -> None:
        image = images.image(layers=2)
        names = [f"team/app{n}" for n in range(10)]
        for name in names:
            bench.put(image, "v1", repository=name)

        async def work(engine: Engine) -> None:
            await asyncio.gather(
                *(bench.copy_with(engine, "v1", repository=name, target_tags=set()) for name in names)
            )

        bench.run(work)
        assert bench.source.count("GET", "/blobs/") == 3
        assert bench.target.count("PUT", "/uploads/") == 3
        assert bench.target.count("POST", "/uploads") == 30
        for name in names:
            bench.assert_same(image, "v1", name)

    def test_is_sent_by_the_follower_if_the_leader_fails(self, bench: Bench) -> None:
        image = images.image(layers=1)
        bench.put(image, "v1", repository="team/good")
        bench.put(image, "v1", repository="team/bad")
        gate, has_manifest = Gate(), Gate()
        bench.source.fault(Fault(path="/team/bad/blobs/", status=404, times=None, gate=gate))
        bench.source.fault(Fault(path="/team/good/manifests/", gate=has_manifest, times=None))

        async def work(engine: Engine) -> None:
            bad = asyncio.ensure_future(
                bench.copy_with(engine, "v1", repository="team/bad", target_tags=set())
            )
            await asyncio.to_thread(gate.wait_until_reached)
            good = asyncio.ensure_future(
                bench.copy_with(engine, "v1", repository="team/good", target_tags=set())
            )
            await asyncio.to_thread(has_manifest.wait_until_reached)
            has_manifest.open()
            gate.open()
            await asyncio.gather(bad, good)

        bench.run(work)
        assert bench.statuses == {("team/bad", "v1"): "failed", ("team/good", "v1"): "copied"}
        bench.assert_same(image, "v1", "team/good")


class TestInterruptedCopy:
    @pytest.mark.parametrize("is_modern", [True, False])
    def test_is_taken_up_without_sending_a_blob_twice(self, is_modern: bool) -> None:
        target = FakeRegistry() if is_modern else FakeRegistry.like_distribution()
        with FakeRegistry() as source, target:
            bench = Bench(source, target)
            image = bench.put(images.image(layers=3), "v1")
            there = list(image.blobs)[1:3]
            for digest in there:
                target.put_blob(REPOSITORY, image.blobs[digest])
            bench.copy("v1", target_tags=set())
            assert bench.asked(source) == {"GET manifest": 1, "GET blob": 2}
            assert bench.asked(target) == {"POST upload": 4, "PUT upload": 2, "PUT manifest": 1}
            bench.assert_same(image, "v1")


class TestPace:
    def test_is_kept_by_all_copies_together(self, bench: Bench) -> None:
        spent: list[float] = []

        class Counting(Pace):
            async def spend(self, units: float) -> None:
                spent.append(units)

        image = bench.put(images.image(layers=[images.layer("big", 500_000)]), "v1")
        other = bench.put(images.image("other", layers=1), "v1", repository="team/other")
        pace = Counting()

        async def work(engine: Engine) -> None:
            await bench.copy_with(engine, "v1", pace=pace)
            await bench.copy_with(engine, "v1", repository="team/other", pace=pace)

        bench.run(work)
        assert sum(spent) == image.blob_bytes + other.blob_bytes


class TestManyTags:
    def test_are_copied_side_by_side_within_the_budget(self, bench: Bench) -> None:
        tags = [f"v{n}" for n in range(60)]
        for tag in tags:
            bench.put(images.image(tag, layers=1), tag)
        bench.limits = {"initial_concurrency": 64}
        bench.source.options.latency_seconds = bench.target.options.latency_seconds = 0.01
        bench.copy(*tags, target_tags=set())
        assert {outcome.status for outcome in bench.finished} == {"copied"}
        assert bench.source.peak_concurrency > 16

    def test_hold_no_more_requests_than_the_budget_has_tags(self, bench: Bench) -> None:
        tags = [f"v{n}" for n in range(30)]
        for tag in tags:
            image = bench.put(images.image(tag, layers=1), tag)
            images.push(image, bench.target, REPOSITORY, tag)
        bench.limits = {"initial_concurrency": 64}
        bench.budget = {"tags": 4}
        bench.source.options.latency_seconds = 0.005
        bench.copy(*tags)
        assert bench.source.peak_concurrency == 4

    def test_of_many_repositories_end_where_blobs_and_slots_are_scarce(self, bench: Bench) -> None:
        shared = [images.layer(f"shared-{n}", 300_000) for n in range(4)]
        names = [f"team/app{n}" for n in range(8)]
        for name in names:
            for n in range(4):
                bench.put(images.image(f"{name}-{n}", layers=shared), f"v{n}", repository=name)
        bench.budget = {"tags": 3, "blobs": 1, "buffered_bytes": 1}
        bench.limits = {"initial_concurrency": 2, "max_concurrency": 2}

        async def work(engine: Engine) -> None:
            tags = [f"v{n}" for n in range(4)]
            await asyncio.gather(
                *(bench.copy_with(engine, *tags, repository=name, target_tags=set()) for name in names)
            )

        bench.run(work)
        assert [outcome.status for outcome in bench.finished] == ["copied"] * 32
        assert bench.source.count("GET", "/blobs/") == 4 + 32
