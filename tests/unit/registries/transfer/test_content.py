"""Every shape of artifact arrives byte for byte."""

from collections.abc import Callable

import pytest

from tests.fakes import images
from tests.fakes.artifacts import OCI_INDEX
from tests.fakes.faults import Fault
from tests.fakes.images import Artifact
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import REPOSITORY, Bench

SHAPES: dict[str, Callable[[], Artifact]] = {
    "oci image": images.image,
    "docker schema 2": lambda: images.image(docker=True),
    "docker list": lambda: images.multi_platform(docker=True),
    "oci index": images.multi_platform,
    "nested index": images.nested_index,
    "index without platforms": images.list_without_platforms,
    "index without children": lambda: images.index([]),
    "artifact with empty config": images.artifact,
    "zero layers": images.no_layers,
    "zero-byte blob": images.zero_byte_blob,
    "inline config": lambda: images.image(inline_config=True),
    "unknown fields": images.unknown_fields,
    "sha512": lambda: images.index([images.image(algorithm="sha512")]),
    "helm chart": images.helm_chart,
    "legacy helm chart": lambda: images.helm_chart(legacy=True),
    "artifact with an absent subject": lambda: images.artifact(subject=images.image("absent")),
    "same layer twice": lambda: images.image(layers=[images.layer("twin")] * 2),
}


class TestEveryShape:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("is_new", [True, False])
    def test_arrives_byte_for_byte(self, bench: Bench, shape: str, is_new: bool) -> None:
        artifact = bench.put(SHAPES[shape](), "v1")
        if not is_new:
            images.push(images.image("other"), bench.target, REPOSITORY, "v0")
        outcome = bench.copy("v1", target_tags=set() if is_new else {"v0"}, referrers=True)["v1"]
        assert (outcome.status, outcome.detail, outcome.digest) == ("copied", "", artifact.digest)
        bench.assert_same(artifact, "v1")

    @pytest.mark.parametrize("shape", SHAPES)
    def test_is_up_to_date_afterwards(self, bench: Bench, shape: str) -> None:
        bench.put(SHAPES[shape](), "v1")
        bench.copy("v1", referrers=True)
        bench.forget()
        assert bench.copy("v1", referrers=True)["v1"].status == "up_to_date"
        assert bench.target.count() == bench.source.count() == 1

    @pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "sha512"])
    def test_arrives_between_registries_like_distribution(self, shape: str) -> None:
        with FakeRegistry.like_distribution() as source, FakeRegistry.like_distribution() as target:
            bench = Bench(source, target)
            artifact = bench.put(SHAPES[shape](), "v1")
            assert bench.copy("v1", referrers=True)["v1"].status == "copied"
            bench.assert_same(artifact, "v1")


class TestManifestNamedByAnotherAlgorithm:
    def test_is_compared_by_its_bytes(self, bench: Bench) -> None:
        image = bench.put(images.image(algorithm="sha512"), "v1")
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        stored = bench.target.manifest(REPOSITORY, "v1")
        assert stored.content == image.root.content
        assert stored.digest.startswith("sha256:")
        bench.forget()
        assert bench.copy("v1")["v1"].status == "up_to_date"
        assert bench.target.count("PUT") == 0


class TestKind:
    @pytest.mark.parametrize(("make", "kind"), [(images.image, "image"), (images.helm_chart, "chart")])
    def test_comes_from_the_manifest(self, bench: Bench, make: Callable[[], Artifact], kind: str) -> None:
        bench.put(make(), "v1")
        assert bench.copy("v1")["v1"].kind == kind

    def test_that_was_not_selected_is_skipped_before_any_blob_moves(self, bench: Bench) -> None:
        bench.put(images.helm_chart(), "1.2.3")
        outcome = bench.copy("1.2.3", kinds=frozenset({"image"}), target_tags=set())["1.2.3"]
        assert (outcome.status, outcome.reason, outcome.kind) == ("skipped", "kind_not_selected", "chart")
        assert bench.asked(bench.source) == {"GET manifest": 1}
        assert bench.target.requests == []

    def test_is_not_asked_for_an_unchanged_tag(self, bench: Bench) -> None:
        chart = bench.put(images.helm_chart(), "1.2.3")
        images.push(chart, bench.target, REPOSITORY, "1.2.3")
        assert bench.copy("1.2.3", kinds=frozenset({"image"}))["1.2.3"].status == "up_to_date"
        assert bench.source.count("GET") == 0


class TestExistingTag:
    def test_with_another_digest_is_left_alone(self, bench: Bench) -> None:
        bench.put(images.image("new"), "v1")
        old = images.image("old")
        images.push(old, bench.target, REPOSITORY, "v1")
        outcome = bench.copy("v1")["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("skipped", "exists", "target")
        assert bench.target.tags(REPOSITORY) == {"v1": old.digest}
        assert bench.source.count("GET") == 0

    def test_is_replaced_with_override(self, bench: Bench) -> None:
        new = bench.put(images.image("new"), "v1")
        images.push(images.image("old"), bench.target, REPOSITORY, "v1")
        assert bench.copy("v1", override=True)["v1"].status == "copied"
        bench.assert_same(new, "v1")

    def test_that_the_registry_keeps_immutable_fails_with_that_reason(self, bench: Bench) -> None:
        bench.target.options.immutable_tags = True
        bench.put(images.image("new"), "v1")
        images.push(images.image("old"), bench.target, REPOSITORY, "v1")
        outcome = bench.copy("v1", override=True)["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "tag_immutable", "target")
        assert not outcome.is_retryable


class TestTag:
    def test_that_is_gone_fails_at_the_source(self, bench: Bench) -> None:
        bench.put(images.image(), "v1")
        outcome = bench.copy("v2")["v2"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "not_found", "source")
        assert not outcome.is_retryable

    def test_that_fails_does_not_take_others_with_it(self, bench: Bench) -> None:
        good = bench.put(images.image("good"), "good")
        bad = bench.put(images.image("bad"), "bad")
        bench.source.delete_blob(REPOSITORY, next(iter(set(bad.blobs) - set(good.blobs))))
        outcomes = bench.copy("bad", "good", "gone")
        assert {tag: outcome.status for tag, outcome in outcomes.items()} == {
            "bad": "failed",
            "good": "copied",
            "gone": "failed",
        }
        assert bench.target.tags(REPOSITORY) == {"good": good.digest}

    def test_named_twice_is_copied_once(self, bench: Bench) -> None:
        bench.put(images.image(), "v1")
        bench.copy("v1", "v1", target_tags=set())
        assert len(bench.finished) == 1
        assert bench.target.count("PUT", "/manifests/") == 1

    def test_is_written_after_all_that_it_needs(self, bench: Bench) -> None:
        index = bench.put(images.nested_index(), "v1")
        bench.copy("v1", target_tags=set())
        puts = [request.path.rsplit("/", 1)[-1] for request in bench.target.requests_of("PUT", "/manifests/")]
        assert puts[-1] == "v1"
        order = {reference: position for position, reference in enumerate(puts)}
        inner = next(file for file in index.manifests[:-1] if file.media_type == OCI_INDEX)
        assert order[inner.digest] > max(order[file.digest] for file in index.manifests[:2])
        uploads = bench.target.requests_of("PUT", "/uploads/")
        assert bench.target.requests.index(uploads[-1]) < len(bench.target.requests) - 1

    def test_that_moves_meanwhile_arrives_as_one_or_the_other(self, bench: Bench) -> None:
        old = images.image("old")
        images.push(old, bench.target, REPOSITORY, "v1")
        new = bench.put(images.image("new"), "v1")
        # HEAD still says what the tag was before, and that manifest is gone.
        bench.source.options.wrong_tag_digest = images.image("between").digest
        outcome = bench.copy("v1", override=True)["v1"]
        assert (outcome.status, outcome.digest) == ("copied", new.digest)
        bench.assert_same(new, "v1")

    def test_is_up_to_date_if_only_the_head_was_wrong(self, bench: Bench) -> None:
        image = bench.put(images.image(), "v1")
        images.push(image, bench.target, REPOSITORY, "v1")
        bench.source.options.wrong_tag_digest = images.image("lie").digest
        assert bench.copy("v1", override=True)["v1"].status == "up_to_date"
        assert bench.target.count("PUT") == 0

    @pytest.mark.parametrize("change", [{"head_status": 405}, {"head_has_digest": False}])
    def test_is_compared_where_head_does_not_help(self, bench: Bench, change: dict[str, object]) -> None:
        for registry in (bench.source, bench.target):
            for name, value in change.items():
                setattr(registry.options, name, value)
        image = bench.put(images.image(), "v1")
        images.push(image, bench.target, REPOSITORY, "v1")
        assert bench.copy("v1")["v1"].status == "up_to_date"


class TestSparseIndex:
    def test_is_copied_as_far_as_it_goes_and_says_so(self, bench: Bench) -> None:
        bench.target.options.sparse = True
        index = bench.put(images.sparse_index(), "v1")
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert outcome.status == "copied"
        assert "lacks 1 of the 2 manifests" in outcome.detail
        assert "linux/arm64" in outcome.detail
        bench.assert_same(index, "v1")

    def test_says_so_under_every_tag(self, bench: Bench) -> None:
        bench.target.options.sparse = True
        bench.put(images.sparse_index(), "v1", "v2")
        outcomes = bench.copy("v1", "v2", target_tags=set())
        assert outcomes["v1"].detail == outcomes["v2"].detail != ""

    def test_fails_where_the_target_insists_on_all_of_it(self, bench: Bench) -> None:
        bench.put(images.sparse_index(), "v1")
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "blob_unknown", "target")
        assert "lacks 1 of the 2 manifests" in outcome.detail
        assert not outcome.is_retryable
        assert bench.target.tags(REPOSITORY) == {}

    def test_is_not_taken_for_a_child_with_a_missing_blob(self, bench: Bench) -> None:
        bench.target.options.sparse = True
        index = bench.put(images.multi_platform(), "v1")
        bench.source.delete_blob(REPOSITORY, next(iter(index.blobs)))
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "not_found", "source")


class TestForeignLayer:
    @pytest.mark.parametrize("docker", [True, False])
    def test_stays_where_it_is_and_is_mentioned(self, bench: Bench, docker: bool) -> None:
        bench.target.options.sparse = True
        artifact = bench.put(images.foreign_layers(docker=docker), "v1")
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.detail) == ("copied", "1 foreign layer stays where it is")
        bench.assert_same(artifact, "v1")

    def test_without_urls_is_an_ordinary_blob(self, bench: Bench) -> None:
        artifact = images.foreign_layers(urls=())
        bench.put(artifact, "v1")
        digest = bench.source.put_blob(REPOSITORY, images.foreign_layer_content())
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        assert bench.target.blob(REPOSITORY, digest) == images.foreign_layer_content()

    def test_that_the_source_holds_is_copied_when_asked_for(self, bench: Bench) -> None:
        bench.put(images.foreign_layers(), "v1")
        digest = bench.source.put_blob(REPOSITORY, images.foreign_layer_content())
        assert bench.copy("v1", target_tags=set(), foreign_layers=True)["v1"].status == "copied"
        assert digest in bench.target.blobs(REPOSITORY)

    def test_is_fetched_from_its_own_address_when_asked_for(self, bench: Bench) -> None:
        content = images.foreign_layer_content()
        with FakeRegistry() as elsewhere:
            digest = elsewhere.put_blob("windows/base", content)
            urls = [f"{elsewhere.url}/gone", f"{elsewhere.url}/v2/windows/base/blobs/{digest}"]
            artifact = bench.put(images.foreign_layers(urls=urls), "v1")
            outcome = bench.copy("v1", target_tags=set(), foreign_layers=True)["v1"]
            assert not any(request.has_authorization for request in elsewhere.requests)
        assert (outcome.status, outcome.detail) == ("copied", "")
        bench.assert_same(artifact, "v1")
        assert bench.target.blob(REPOSITORY, digest) == content

    def test_that_nobody_holds_fails_at_the_source(self, bench: Bench) -> None:
        with FakeRegistry() as elsewhere:
            bench.put(images.foreign_layers(urls=[f"{elsewhere.url}/gone"]), "v1")
            outcome = bench.copy("v1", target_tags=set(), foreign_layers=True)["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "not_found", "source")
        assert (outcome.is_retryable, bench.target.open_uploads()) == (False, 0)
        assert bench.target.tags(REPOSITORY) == {}

    def test_whose_address_the_target_does_not_allow_fails_for_good(self, bench: Bench) -> None:
        """Distribution says it so."""
        bench.put(images.foreign_layers(), "v1")
        body = (
            b'{"errors":[{"code":"UNKNOWN","message":"invalid URL on layer"},'
            b'{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}'
        )
        bench.target.fault(Fault(method="PUT", path="/manifests/", status=500, body=body, times=None))
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "blob_unknown", "target")
        assert not outcome.is_retryable
        assert "invalid URL on layer" in outcome.detail
        assert outcome.detail.endswith("1 foreign layer stays where it is")


class TestSchemaOne:
    def test_is_refused_with_its_reason(self, bench: Bench) -> None:
        bench.put(images.schema1(), "v1")
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "schema1_refused", "source")
        assert not outcome.is_retryable
        assert bench.target.requests == []


class TestTargetThatContradictsItself:
    def test_is_healed_once_when_a_blob_is_unknown_after_all(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=3), "v1")
        missing = max(image.blobs, key=lambda digest: len(image.blobs[digest]))
        for digest in image.blobs:
            bench.known.add(REPOSITORY, digest)
            if digest != missing:
                bench.target.put_blob(REPOSITORY, image.blobs[digest])
        assert bench.copy("v1", target_tags={"v0"})["v1"].status == "copied"
        assert bench.asked(bench.target) == {
            "PUT manifest": 2, "HEAD blob": 4, "POST upload": 1, "PUT upload": 1
        }  # fmt: skip
        bench.assert_same(image, "v1")

    def test_is_healed_when_it_claimed_a_mount(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=1), "v1")
        for digest in image.blobs:
            bench.known.add("team/liar", digest)
        bench.target.fault(Fault(method="POST", query="mount=", status=201, times=2))
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        assert bench.target.count("PUT", "/manifests/") == 2
        bench.assert_same(image, "v1")

    def test_is_healed_when_a_child_is_missing(self, bench: Bench) -> None:
        index = bench.put(images.multi_platform(platforms=2), "v1")
        child = index.manifests[0]
        bench.target.fault(Fault(method="HEAD", path=f"/manifests/{child.digest}", status=200,
                                 headers={"Docker-Content-Digest": child.digest}))  # fmt: skip
        images.push(images.image("other"), bench.target, REPOSITORY, "v0")
        assert bench.copy("v1", target_tags={"v0"})["v1"].status == "copied"
        bench.assert_same(index, "v1")

    def test_fails_when_healing_does_not_help(self, bench: Bench) -> None:
        bench.put(images.image(), "v1")
        body = b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}'
        bench.target.fault(Fault(method="PUT", path="/manifests/", status=400, body=body, times=None))
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "blob_unknown", "target")
        assert bench.target.count("PUT", "/manifests/") == 2


class TestOnePlace:
    def test_copies_a_repository_within_a_registry_by_mounts(self) -> None:
        with FakeRegistry() as registry:
            bench = Bench(registry, registry)
            image = bench.put(images.image(layers=3), "v1")
            assert bench.copy("v1", to="team/copy", target_tags=set())["v1"].status == "copied"
            assert registry.count("GET", "/blobs/") == registry.count("PUT", "/uploads/") == 0
            bench.assert_same(image, "v1", "team/copy")
