"""Signatures and other attachments arrive with what they are attached to."""

import json
from collections.abc import Iterator

import pytest

from tests.fakes import images
from tests.fakes.artifacts import OCI_INDEX
from tests.fakes.faults import Fault
from tests.fakes.images import Artifact, fallback_tag
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import REPOSITORY, Bench


@pytest.fixture(params=["api to api", "api to tags", "tags to api", "tags to tags"])
def pair(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Registries with and without a referrers API on both sides."""
    has_source_api, has_target_api = (side == "api" for side in request.param.split(" to "))
    with FakeRegistry(referrers=has_source_api) as source, FakeRegistry(referrers=has_target_api) as target:
        yield Bench(source, target)


def attach(bench: Bench, subject: Artifact, *referrers: Artifact) -> None:
    """Put the referrers into the source so that it lists them in its own way."""
    for referrer in referrers:
        bench.put(referrer)
    if not bench.source.options.referrers:
        bench.put(images.referrers_fallback(subject, referrers))


def listed_at_target(bench: Bench, subject: Artifact) -> set[str]:
    """Return what the target lists as referrers of the subject, in its own way."""
    if bench.target.options.referrers:
        return {
            digest
            for digest in bench.target.manifests(REPOSITORY)
            if json.loads(bench.target.manifest(REPOSITORY, digest).content).get("subject", {}).get("digest")
            == subject.digest
        }
    index = json.loads(bench.target.manifest(REPOSITORY, fallback_tag(subject.digest)).content)
    return {entry["digest"] for entry in index["manifests"]}


class TestReferrers:
    def test_arrive_and_are_listed(self, pair: Bench) -> None:
        image = pair.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image, contents=(b"sbom",))
        signature = images.artifact("signature", subject=image, contents=(b"signature",))
        attach(pair, image, sbom, signature)
        assert pair.copy("v1", referrers=True, target_tags=set())["v1"].detail == ""
        pair.assert_same(image, "v1")
        assert listed_at_target(pair, image) == {sbom.digest, signature.digest}
        for referrer in (sbom, signature):
            assert pair.target.manifest(REPOSITORY, referrer.digest).content == referrer.root.content
            assert set(referrer.blobs) <= set(pair.target.blobs(REPOSITORY))

    def test_of_referrers_and_of_children_arrive(self, pair: Bench) -> None:
        index = pair.put(images.nested_index(), "v1")
        child = Artifact(index.manifests[:1])
        sbom = images.artifact("sbom", subject=child, contents=(b"sbom",))
        signature = images.artifact("signature", subject=sbom, contents=(b"signature",))
        attach(pair, child, sbom)
        attach(pair, sbom, signature)
        pair.copy("v1", referrers=True)
        assert listed_at_target(pair, child) == {sbom.digest}
        assert listed_at_target(pair, sbom) == {signature.digest}

    def test_that_are_indexes_arrive_whole(self, pair: Bench) -> None:
        image = pair.put(images.image(), "v1")
        inner = images.artifact("inner", contents=(b"inner",))
        bundle = images.index([inner], subject=image.root.descriptor(), artifactType="application/vnd.bundle")
        attach(pair, image, bundle)
        pair.copy("v1", referrers=True)
        assert listed_at_target(pair, image) == {bundle.digest}
        assert inner.digest in pair.target.manifests(REPOSITORY)

    def test_stay_behind_when_they_are_not_asked_for(self, pair: Bench) -> None:
        image = pair.put(images.image(), "v1")
        attach(pair, image, images.artifact("sbom", subject=image))
        pair.copy("v1", referrers=False)
        assert pair.target.manifests(REPOSITORY) == {image.digest}
        assert pair.source.count("GET", "/referrers/") == 0

    def test_are_written_before_the_tag(self, pair: Bench) -> None:
        image = pair.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        attach(pair, image, sbom)
        pair.copy("v1", referrers=True)
        puts = [request.path.rsplit("/", 1)[-1] for request in pair.target.requests_of("PUT", "/manifests/")]
        assert puts[0] == sbom.digest
        assert puts[-1] == "v1"

    def test_of_a_digest_under_several_tags_are_looked_up_once(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1", "v2", "v3")
        attach(bench, image, images.artifact("sbom", subject=image))
        bench.copy("v1", "v2", "v3", referrers=True, target_tags=set(), source_tags={"v1", "v2", "v3"})
        assert bench.source.count("GET", f"/referrers/{image.digest}") == 1

    def test_that_name_each_other_in_circles_come_to_an_end(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        attach(bench, image, sbom)
        # No honest registry can say so: the referrer of the referrer is the image's own.
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [sbom.root.descriptor()]})
        bench.source.fault(
            Fault(
                path="/referrers/",
                status=200,
                body=body.encode(),
                times=None,
                headers={"Content-Type": OCI_INDEX},
            )
        )
        assert bench.copy("v1", referrers=True)["v1"].status == "copied"
        assert bench.source.count("GET", "/referrers/") == 2

    def test_cost_one_question_where_the_source_has_no_api(self) -> None:
        with FakeRegistry(referrers=False) as source, FakeRegistry() as target:
            bench = Bench(source, target)
            tags = [f"v{n}" for n in range(20)]
            for tag in tags:
                bench.put(images.image(tag), tag)
            bench.copy(*tags, referrers=True, target_tags=set(), source_tags=set(tags))
            assert bench.source.count("GET", "/referrers/") == 1
            assert bench.source.count("GET", "/manifests/") == 20

    def test_that_the_target_refuses_are_mentioned_and_the_image_arrives(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        attach(bench, image, sbom)
        bench.target.fault(Fault(method="PUT", path=f"/manifests/{sbom.digest}", status=400, times=None))
        outcome = bench.copy("v1", referrers=True)["v1"]
        assert outcome.status == "copied"
        assert sbom.digest[:19] in outcome.detail
        assert "at the target" in outcome.detail
        bench.assert_same(image, "v1")

    def test_that_are_refused_before_their_subject_are_tried_after_it(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        attach(bench, image, sbom)
        bench.target.fault(Fault(method="PUT", path=f"/manifests/{sbom.digest}", status=400))
        assert bench.copy("v1", referrers=True)["v1"].detail == ""
        assert listed_at_target(bench, image) == {sbom.digest}

    def test_that_cannot_be_brought_now_keep_the_tag_back(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        attach(bench, image, sbom)
        bench.target.fault(Fault(method="PUT", path=f"/manifests/{sbom.digest}", status=502, times=None))
        outcome = bench.copy("v1", referrers=True)["v1"]
        assert (outcome.status, outcome.is_retryable, outcome.side) == ("failed", True, "target")
        assert bench.target.tags(REPOSITORY) == {}

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 501])
    def test_are_found_by_their_tag_however_the_api_is_refused(self, status: int) -> None:
        with FakeRegistry(referrers=False) as source, FakeRegistry() as target:
            bench = Bench(source, target)
            image = bench.put(images.image(), "v1")
            sbom = images.artifact("sbom", subject=image)
            attach(bench, image, sbom)
            source.fault(Fault(path="/referrers/", status=status, times=None))
            assert bench.copy("v1", referrers=True)["v1"].status == "copied"
            assert listed_at_target(bench, image) == {sbom.digest}

    def test_that_fail_after_their_tag_are_mentioned(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        attach(bench, image, sbom)
        bench.target.fault(Fault(method="PUT", path=f"/manifests/{sbom.digest}", status=400))
        bench.target.fault(Fault(method="PUT", path=f"/manifests/{sbom.digest}", status=502, times=None))
        outcome = bench.copy("v1", referrers=True)["v1"]
        assert outcome.status == "copied"
        assert "server_error at the target" in outcome.detail


class TestFallbackTag:
    @pytest.fixture
    def old(self) -> Iterator[Bench]:
        """A modern source, and a target without a referrers API."""
        with FakeRegistry() as source, FakeRegistry(referrers=False) as target:
            yield Bench(source, target)

    def test_keeps_what_the_target_listed_before(self, old: Bench) -> None:
        image = old.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        attach(old, image, sbom)
        local = images.artifact("local", subject=image, contents=(b"local",))
        images.push(images.referrers_fallback(image, [local]), old.target, REPOSITORY)
        old.copy("v1", referrers=True)
        assert listed_at_target(old, image) == {local.digest, sbom.digest}

    def test_says_type_and_annotations_of_each(self, old: Bench) -> None:
        image = old.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image, annotations={"a": "b"})
        attach(old, image, sbom)
        old.copy("v1", referrers=True)
        index = json.loads(old.target.manifest(REPOSITORY, fallback_tag(image.digest)).content)
        entry = index["manifests"][0]
        assert entry["artifactType"] == "application/vnd.example.report.v1"
        assert entry["annotations"]["a"] == "b"
        assert (entry["digest"], entry["size"]) == (sbom.digest, len(sbom.root.content))

    def test_is_read_and_written_once_for_all_referrers_of_a_subject(self, old: Bench) -> None:
        image = old.put(images.image(), "v1")
        attach(old, image, *(images.artifact(f"a{n}", subject=image) for n in range(5)))
        old.copy("v1", referrers=True, target_tags=set())
        path = f"/manifests/{fallback_tag(image.digest)}"
        assert old.target.count("GET", path) == old.target.count("PUT", path) == 1

    def test_is_written_for_an_artifact_that_is_copied_by_its_own_tag(self, old: Bench) -> None:
        image = images.image()
        report = old.put(images.artifact("report", subject=image), "report")
        old.copy("report")
        assert listed_at_target(old, image) == {report.digest}

    def test_lists_an_artifact_before_its_own_tag_ends_the_copy(self, old: Bench) -> None:
        image = images.image()
        old.put(images.artifact("report", subject=image), "report")
        old.copy("report")
        puts = [request.path.rsplit("/", 1)[-1] for request in old.target.requests_of("PUT", "/manifests/")]
        assert puts[-2:] == [fallback_tag(image.digest), "report"]

    def test_that_the_target_refuses_is_mentioned(self, old: Bench) -> None:
        image = old.put(images.image(), "v1")
        attach(old, image, images.artifact("sbom", subject=image))
        path = f"/manifests/{fallback_tag(image.digest)}"
        old.target.fault(Fault(method="PUT", path=path, status=400, times=None))
        outcome = old.copy("v1", referrers=True)["v1"]
        assert outcome.status == "copied"
        assert "does not list the referrers" in outcome.detail

    def test_is_not_written_where_the_target_indexes_by_itself(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        attach(bench, image, images.artifact("sbom", subject=image))
        bench.copy("v1", referrers=True)
        assert set(bench.target.tags(REPOSITORY)) == {"v1"}

    def test_holds_all_referrers_that_arrive_by_many_tags_at_once(self, old: Bench) -> None:
        image = images.image()
        reports = [
            old.put(images.artifact(f"r{n}", subject=image, contents=(b"%d" % n,)), f"r{n}")
            for n in range(12)
        ]
        old.copy(*(f"r{n}" for n in range(12)))
        assert listed_at_target(old, image) == {report.digest for report in reports}

    def test_is_the_sources_own_so_that_it_is_up_to_date_afterwards(self) -> None:
        with FakeRegistry(referrers=False) as source, FakeRegistry(referrers=False) as target:
            bench = Bench(source, target)
            image = bench.put(images.image(), "v1")
            attach(bench, image, images.artifact("sbom", subject=image))
            tags = set(source.tags(REPOSITORY))
            for _ in range(2):
                bench.forget()
                bench.copy(*tags, referrers=True, source_tags=tags)
            assert {outcome.status for outcome in bench.finished} == {"up_to_date"}
            assert target.count("PUT") == 0

    def test_that_is_missing_is_restored_for_referrers_that_are_there(self, old: Bench) -> None:
        image = old.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        attach(old, image, sbom)
        images.push(sbom, old.target, REPOSITORY)
        old.copy("v1", referrers=True, target_tags={"v0"})
        assert listed_at_target(old, image) == {sbom.digest}

    def test_of_a_source_is_read_only_if_its_list_of_tags_has_it(self) -> None:
        with FakeRegistry(referrers=False) as source, FakeRegistry() as target:
            bench = Bench(source, target)
            image = bench.put(images.image(), "v1")
            sbom = images.artifact("sbom", subject=image)
            attach(bench, image, sbom)
            bench.copy("v1", referrers=True, source_tags={"v1", fallback_tag(image.digest)})
            assert listed_at_target(bench, image) == {sbom.digest}

    def test_of_a_source_that_is_no_index_is_ignored(self) -> None:
        with FakeRegistry(referrers=False) as source, FakeRegistry() as target:
            bench = Bench(source, target)
            image = bench.put(images.image(), "v1")
            source.put_tag(REPOSITORY, fallback_tag(image.digest), image.digest)
            assert bench.copy("v1", referrers=True)["v1"].status == "copied"


class TestSignatureTag:
    def test_follows_its_image_past_the_filter(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        signature = bench.put(images.signature(image))
        tag = next(iter(signature.tags))
        outcome = bench.copy("v1", referrers=True, source_tags={"v1", tag}, target_tags=set())["v1"]
        bench.assert_same(image, "v1")
        bench.assert_same(signature, tag)
        assert outcome.detail == f"with {tag}"
        assert outcome.bytes_copied == image.blob_bytes + signature.blob_bytes
        assert len(bench.finished) == 1

    def test_is_written_before_its_image(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        tag = next(iter(bench.put(images.signature(image)).tags))
        bench.copy("v1", referrers=True, source_tags={"v1", tag}, target_tags=set())
        puts = [request.path.rsplit("/", 1)[-1] for request in bench.target.requests_of("PUT", "/manifests/")]
        assert puts == [tag, "v1"]

    def test_is_looked_for_where_the_sources_tags_are_not_listed(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        signature = bench.put(images.signature(image))
        bench.copy("v1", referrers=True)
        bench.assert_same(signature, next(iter(signature.tags)))
        assert bench.source.count(None, r"/manifests/sha256-.*\.(sig|att|sbom)$") == 3

    def test_is_not_looked_for_without_referrers(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        bench.put(images.signature(image))
        bench.copy("v1", referrers=False)
        assert set(bench.target.tags(REPOSITORY)) == {"v1"}
        assert bench.source.count(None, "sha256-") == 0

    def test_of_a_child_follows_the_index(self, bench: Bench) -> None:
        index = bench.put(images.multi_platform(), "v1")
        signature = bench.put(images.signature(Artifact(index.manifests[:1])))
        tag = next(iter(signature.tags))
        bench.copy("v1", referrers=True, source_tags={"v1", tag})
        bench.assert_same(signature, tag)

    def test_that_was_asked_for_as_well_is_copied_once_and_has_its_own_outcome(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        signature = bench.put(images.signature(image))
        tag = next(iter(signature.tags))
        outcomes = bench.copy(tag, "v1", referrers=True, source_tags={"v1", tag}, target_tags=set())
        assert {name: outcome.status for name, outcome in outcomes.items()} == {"v1": "copied", tag: "copied"}
        assert bench.target.count("PUT", f"/manifests/{tag}") == 1
        assert sum(outcome.bytes_copied for outcome in outcomes.values()) == bench.bytes_copied

    def test_of_a_chart_follows_although_it_is_no_chart(self, bench: Bench) -> None:
        chart = bench.put(images.helm_chart(), "1.2.3")
        tag = next(iter(bench.put(images.signature(chart)).tags))
        bench.copy("1.2.3", referrers=True, kinds=frozenset({"chart"}), source_tags={"1.2.3", tag})
        assert set(bench.target.tags(REPOSITORY)) == {"1.2.3", tag}

    def test_that_came_later_is_brought_to_an_unchanged_image(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        images.push(image, bench.target, REPOSITORY, "v1")
        signature = bench.put(images.signature(image))
        tag = next(iter(signature.tags))
        outcome = bench.copy("v1", referrers=True, source_tags={"v1", tag}, target_tags={"v1"})["v1"]
        assert (outcome.status, outcome.detail) == ("copied", f"with {tag}")
        bench.assert_same(signature, tag)

    def test_costs_nothing_once_both_lists_have_it(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        images.push(image, bench.target, REPOSITORY, "v1")
        tag = next(iter(images.signature(image).tags))
        outcome = bench.copy("v1", referrers=True, source_tags={"v1", tag}, target_tags={"v1", tag})["v1"]
        assert outcome.status == "up_to_date"
        assert bench.source.count() == bench.target.count() == 1

    def test_with_another_digest_stays_without_override(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        tag = next(iter(bench.put(images.signature(image)).tags))
        other = images.image("other signature")
        images.push(other, bench.target, REPOSITORY, tag)
        assert bench.copy("v1", referrers=True, source_tags={"v1", tag})["v1"].status == "copied"
        assert bench.target.tags(REPOSITORY)[tag] == other.digest

    def test_that_the_target_refuses_is_mentioned_and_the_image_arrives(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        tag = next(iter(bench.put(images.signature(image)).tags))
        bench.target.fault(Fault(method="PUT", path=f"/manifests/{tag}", status=400, times=None))
        outcome = bench.copy("v1", referrers=True, source_tags={"v1", tag})["v1"]
        assert outcome.status == "copied"
        assert f"{tag} was not copied" in outcome.detail
