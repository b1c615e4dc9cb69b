"""Registries that fail in every known way: what arrives is right or nothing, and little is sent twice."""

import random
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest

from registries.oci.errors import Throttled, Unauthorized, Unreachable
from tests.fakes import images
from tests.fakes.auth import BasicAuth, BearerAuth
from tests.fakes.faults import Fault
from tests.fakes.images import Artifact
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import REPOSITORY, Bench

SIZE = 3_000_000
# What may be on its way when a connection breaks, and is sent again.
IN_FLIGHT = 1_100_000


@pytest.fixture
def big(bench: Bench) -> Artifact:
    """An image with one layer of three megabytes, in the source."""
    return bench.put(images.image(layers=[images.layer("big", SIZE)]), "v1")


def blob_path(artifact: Artifact) -> str:
    """Return a pattern for the path of the artifact's largest blob."""
    digest = max(artifact.blobs, key=lambda digest: len(artifact.blobs[digest]))
    return f"/blobs/{digest}"


def downloaded(bench: Bench) -> int:
    return sum(request.response_bytes for request in bench.source.requests_of("GET", "/blobs/"))


def uploaded(bench: Bench) -> int:
    return sum(request.request_bytes for request in bench.target.requests_of(None, "/blobs/uploads/"))


class TestDownload:
    @pytest.mark.parametrize("cut", [1, 65_536, 1_000_000, 2_900_000])
    def test_that_is_cut_continues_where_it_ended(self, bench: Bench, big: Artifact, cut: int) -> None:
        bench.source.fault(Fault(method="GET", path=blob_path(big), cut_response_after=cut))
        assert bench.copy("v1")["v1"].status == "copied"
        bench.assert_same(big, "v1")
        gets = bench.source.requests_of("GET", blob_path(big))
        assert len(gets) == 2
        assert "Range" in gets[1].headers
        assert downloaded(bench) <= big.blob_bytes + IN_FLIGHT

    def test_that_is_cut_again_and_again_continues(self, bench: Bench, big: Artifact) -> None:
        bench.source.fault(Fault(method="GET", path=blob_path(big), cut_response_after=400_000, times=7))
        assert bench.copy("v1")["v1"].status == "copied"
        bench.assert_same(big, "v1")
        assert downloaded(bench) <= big.blob_bytes + 7 * IN_FLIGHT
        assert bench.target.count("PUT", "/uploads/") == 2

    def test_continues_where_the_source_knows_no_ranges(self, bench: Bench, big: Artifact) -> None:
        bench.source.options.serves_ranges = False
        bench.source.fault(Fault(method="GET", path=blob_path(big), cut_response_after=1_000_000))
        assert bench.copy("v1")["v1"].status == "copied"
        bench.assert_same(big, "v1")

    def test_that_stalls_is_taken_up_again(self, bench: Bench, big: Artifact) -> None:
        bench.source.fault(Fault(method="GET", path=blob_path(big), stall_after=1_000_000))
        assert bench.copy("v1")["v1"].status == "copied"
        bench.assert_same(big, "v1")

    def test_that_stalls_for_good_fails_and_may_be_tried_later(self, bench: Bench, big: Artifact) -> None:
        bench.source.fault(Fault(method="GET", path=blob_path(big), stall_after=0, times=None))
        outcome = bench.copy("v1")["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "stalled", "source")
        assert outcome.is_retryable
        assert bench.target.open_uploads() == 0

    def test_of_wrong_bytes_never_finishes_the_upload(self, bench: Bench, big: Artifact) -> None:
        bench.source.fault(Fault(method="GET", path=blob_path(big), wrong_bytes=True, times=None))
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "digest_mismatch", "source")
        assert bench.target.open_uploads() == 0
        assert set(bench.target.blobs(REPOSITORY)) < set(big.blobs)
        assert bench.target.tags(REPOSITORY) == {}

    def test_that_ends_early_without_saying_so_continues(self, bench: Bench, big: Artifact) -> None:
        drop = ("Content-Length",)
        bench.source.fault(Fault(method="GET", path=blob_path(big), truncate_to=10**6, drop_headers=drop))
        assert bench.copy("v1")["v1"].status == "copied"
        bench.assert_same(big, "v1")
        assert downloaded(bench) <= big.blob_bytes + IN_FLIGHT

    def test_of_too_few_bytes_never_finishes_the_upload(self, bench: Bench, big: Artifact) -> None:
        bench.source.fault(Fault(method="GET", path=blob_path(big), truncate_to=1000, times=None))
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "size_mismatch", "source")
        assert bench.target.open_uploads() == 0
        assert bench.target.tags(REPOSITORY) == {}

    def test_of_too_many_bytes_never_finishes_the_upload(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=1), "v1")
        layer = max(image.blobs, key=lambda digest: len(image.blobs[digest]))
        bench.source.put_content(REPOSITORY, _Longer(image.blobs[layer]), layer)
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "size_mismatch", "source")
        assert bench.target.open_uploads() == 0

    def test_of_a_blob_that_is_gone_fails_without_more_tries(self, bench: Bench, big: Artifact) -> None:
        bench.source.delete_blob(REPOSITORY, blob_path(big).rsplit("/", 1)[-1])
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "not_found", "source")
        assert bench.source.count("GET", blob_path(big)) == 1


class _Longer:
    """Content with a byte more than it should have."""

    def __init__(self, data: bytes) -> None:
        self._data = data + b"!"
        self.size = len(self._data)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        yield self._data[start:stop]


class TestUpload:
    @pytest.mark.parametrize("cut", [0, 1, 65_536, 1_000_000, 2_900_000])
    def test_that_is_cut_continues_where_it_ended(self, bench: Bench, big: Artifact, cut: int) -> None:
        bench.target.fault(
            Fault(method="PUT", path="/uploads/", query=blob_path(big)[-32:], cut_request_after=cut)
        )
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        bench.assert_same(big, "v1")
        assert uploaded(bench) <= big.blob_bytes + IN_FLIGHT
        if cut >= 1_000_000:
            assert bench.target.count("PATCH") == 1
            assert uploaded(bench) <= big.blob_bytes + 1000
            assert downloaded(bench) <= big.blob_bytes + 2 * IN_FLIGHT

    def test_whose_answer_is_lost_ends_with_the_blob_in_place(self, bench: Bench, big: Artifact) -> None:
        bench.target.fault(Fault(method="PUT", path="/uploads/", lose_answer=True))
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        bench.assert_same(big, "v1")

    def test_whose_session_is_lost_starts_over(self, bench: Bench, big: Artifact) -> None:
        bench.target.fault(Fault(method="PUT", path="/uploads/", lose_upload=True))
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        bench.assert_same(big, "v1")

    def test_whose_session_is_lost_while_it_is_resumed_starts_over(self, bench: Bench, big: Artifact) -> None:
        bench.target.fault(
            Fault(method="PUT", path="/uploads/", query=blob_path(big)[-32:], cut_request_after=1_000_000)
        )
        bench.target.fault(Fault(method="PATCH", lose_upload=True))
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        bench.assert_same(big, "v1")

    @pytest.mark.parametrize("status", [416, 404])
    def test_whose_range_is_refused_starts_over(self, bench: Bench, big: Artifact, status: int) -> None:
        bench.target.fault(
            Fault(method="PUT", path="/uploads/", query=blob_path(big)[-32:], cut_request_after=1_000_000)
        )
        bench.target.fault(Fault(method="PATCH", status=status))
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        # A session that is said to be gone cannot be given back.
        bench.assert_same(big, "v1", open_uploads=int(status == 404))

    @pytest.mark.parametrize(
        ("status", "reason"), [(507, "storage_full"), (413, "too_large"), (403, "forbidden")]
    )
    def test_that_is_refused_for_good_fails_without_more_tries(
        self, bench: Bench, status: int, reason: str
    ) -> None:
        bench.put(images.image(layers=0), "v1")
        bench.target.fault(Fault(method="PUT", path="/uploads/", status=status, times=None))
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", reason, "target")
        assert not outcome.is_retryable
        assert bench.target.count("PUT") == 1
        assert bench.target.open_uploads() == 0

    def test_that_is_too_large_is_cut_into_pieces(self, bench: Bench) -> None:
        image = bench.put(images.image(layers=[images.layer("huge", 17 * 1024 * 1024)]), "v1")
        bench.target.fault(Fault(method="PUT", path="/uploads/", query=blob_path(image)[-32:], status=413))
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        assert bench.target.count("PATCH") == 2
        bench.assert_same(image, "v1")


class TestCutAtAnyByte:
    @pytest.mark.parametrize("seed", range(12))
    @pytest.mark.parametrize("side", ["source", "target"])
    def test_arrives_whole(self, bench: Bench, side: str, seed: int) -> None:
        image = bench.put(images.image(layers=[images.layer("cut", 200_000)]), "v1")
        size = max(len(content) for content in image.blobs.values())
        position = random.Random(seed).randrange(size)
        if side == "source":
            bench.source.fault(Fault(method="GET", path=blob_path(image), cut_response_after=position))
        else:
            pattern = blob_path(image)[-32:]
            bench.target.fault(Fault(method="PUT", query=pattern, cut_request_after=position))
        assert bench.copy("v1", target_tags=set())["v1"].status == "copied"
        bench.assert_same(image, "v1")
        assert uploaded(bench) <= image.blob_bytes + size


REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "HEAD at the source": ("source", {"method": "HEAD", "path": "/manifests/"}),
    "manifest at the source": ("source", {"method": "GET", "path": "/manifests/"}),
    "blob at the source": ("source", {"method": "GET", "path": "/blobs/"}),
    "list of the target": ("target", {"method": "GET", "path": "/tags/list"}),
    "HEAD at the target": ("target", {"method": "HEAD", "path": "/manifests/"}),
    "HEAD of a blob": ("target", {"method": "HEAD", "path": "/blobs/"}),
    "start of an upload": ("target", {"method": "POST", "path": "/uploads/"}),
    "upload": ("target", {"method": "PUT", "path": "/uploads/"}),
    "manifest at the target": ("target", {"method": "PUT", "path": "/manifests/"}),
}
TROUBLES: dict[str, Callable[[], dict[str, object]]] = {
    "500": lambda: {"status": 500},
    "502": lambda: {"status": 502},
    "503": lambda: {"status": 503},
    "408": lambda: {"status": 408},
    "cut": lambda: {"cut_request_after": 0},
    "lost answer": lambda: {"lose_answer": True},
    "stall": lambda: {"delay_seconds": 0.8},
    "429 in seconds": lambda: {"status": 429, "headers": {"Retry-After": "0"}},
    "429 with a date": lambda: {"status": 429, "headers": {"Retry-After": formatdate(usegmt=True)}},
    "503 with a time": lambda: {"status": 503, "headers": {"Retry-After": "0"}},
}


class TestEveryRequest:
    @pytest.mark.parametrize("trouble", TROUBLES)
    @pytest.mark.parametrize("request_name", REQUESTS)
    def test_survives_trouble_that_passes(self, bench: Bench, request_name: str, trouble: str) -> None:
        old = images.image("old")
        images.push(old, bench.target, REPOSITORY, "v1")
        bench.put(old, "v1")
        new = bench.put(images.image("new", layers=1), "v2")
        side, match = REQUESTS[request_name]
        fault = Fault(**match, **TROUBLES[trouble]())  # type: ignore[arg-type]
        (bench.source if side == "source" else bench.target).fault(fault)
        outcomes = bench.copy("v1", "v2")
        assert [outcomes[tag].status for tag in ("v1", "v2")] == ["up_to_date", "copied"]
        is_session_unknown = (request_name, trouble) == ("start of an upload", "lost answer")
        bench.assert_same(new, "v2", open_uploads=int(is_session_unknown))

    @pytest.mark.parametrize("request_name", [name for name in REQUESTS if not name.startswith("list")])
    def test_that_fails_for_long_leaves_a_tag_to_try_later(self, bench: Bench, request_name: str) -> None:
        side, match = REQUESTS[request_name]
        old = images.image("old")
        images.push(old, bench.target, REPOSITORY, "v1")
        bench.put(old, "v1")
        bench.put(images.image("new", layers=1), "v2")
        (bench.source if side == "source" else bench.target).fault(Fault(**match, status=502, times=None))  # type: ignore[arg-type]
        failed = [outcome for outcome in bench.copy("v1", "v2").values() if outcome.status == "failed"]
        assert failed
        for outcome in failed:
            assert (outcome.reason, outcome.side, outcome.is_retryable) == ("server_error", side, True)
        assert bench.target.open_uploads() == 0


class TestThrottling:
    def test_beyond_patience_ends_the_copy_and_says_until_when(self, bench: Bench) -> None:
        for n in range(5):
            bench.put(images.image(n), f"v{n}")
        bench.source.fault(Fault(path="/manifests/", status=429, headers={"Retry-After": "3600"}, times=None))
        bench.budget = {"tags": 1}
        with pytest.raises(Throttled) as caught:
            bench.copy(*(f"v{n}" for n in range(5)), target_tags=set())
        assert caught.value.retry_at == pytest.approx(time.time() + 3600, abs=60)
        assert bench.source.count() == 1
        assert len(bench.finished) == 1
        outcome = bench.finished[0]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "throttled", "source")
        assert outcome.is_retryable
        assert outcome.retry_at == caught.value.retry_at

    def test_of_one_side_lets_transfers_in_flight_finish(self, bench: Bench) -> None:
        image = bench.put(images.image("first"), "v1")
        bench.put(images.image("second"), "v2")
        gone = {"Retry-After": "3600"}
        bench.source.fault(Fault(path="/manifests/v2", status=429, headers=gone, times=None))
        bench.source.fault(Fault(method="GET", path="/blobs/", delay_seconds=0.2, times=3))
        with pytest.raises(Throttled):
            bench.copy("v1", "v2", target_tags=set())
        assert set(bench.target.blobs(REPOSITORY)) <= set(image.blobs)


class TestCredentials:
    def test_that_are_wrong_end_the_copy(self) -> None:
        with FakeRegistry(auth=BasicAuth("user", "right")) as source, FakeRegistry() as target:
            bench = Bench(source, target, source_endpoint={"username": "user", "password": "wrong"})
            for n in range(50):
                bench.put(images.image(n, layers=0), f"v{n}")
            bench.budget = {"tags": 1}
            with pytest.raises(Unauthorized) as caught:
                bench.copy(*(f"v{n}" for n in range(50)), target_tags=set())
            assert caught.value.side == "source"
            assert source.count() <= 2
            assert bench.finished[0].reason == "unauthorized"

    def test_that_are_withdrawn_in_mid_run_end_the_copy(self) -> None:
        auth = BasicAuth("user", "right")
        with FakeRegistry() as source, FakeRegistry(auth=auth) as target:
            bench = Bench(source, target, target_endpoint={"username": "user", "password": "right"})
            for n in range(10):
                bench.put(images.image(n, layers=0), f"v{n}")
            bench.budget = {"tags": 1}
            target.fault(Fault(method="PUT", path="/manifests/v4", status=401, times=None))
            with pytest.raises(Unauthorized) as caught:
                bench.copy(*(f"v{n}" for n in range(10)), target_tags=set())
            assert caught.value.side == "target"
            assert [outcome.status for outcome in bench.finished] == ["copied"] * 4 + ["failed"]

    def test_that_may_not_push_end_the_copy_after_a_few_tags(self) -> None:
        auth = BasicAuth("user", "right", policy=lambda user, repository, action: action == "pull")
        with FakeRegistry() as source, FakeRegistry(auth=auth) as target:
            bench = Bench(source, target, target_endpoint={"username": "user", "password": "right"})
            for n in range(50):
                bench.put(images.image(n, layers=0), f"v{n}")
            bench.budget = {"tags": 1}
            with pytest.raises(Exception, match="forbidden") as caught:
                bench.copy(*(f"v{n}" for n in range(50)), target_tags=set())
            assert getattr(caught.value, "side", None) == "target"
            assert [outcome.reason for outcome in bench.finished] == ["forbidden"] * 10

    def test_that_may_not_read_one_tag_fail_that_tag(self, bench: Bench) -> None:
        for n in range(10):
            bench.put(images.image(n, layers=0), f"v{n}")
        bench.source.fault(Fault(path="/manifests/v[2-8]", status=403, times=None))
        bench.budget = {"tags": 1}
        outcomes = bench.copy(*(f"v{n}" for n in range(10)), target_tags=set())
        assert sum(outcome.status == "copied" for outcome in outcomes.values()) == 3
        assert {outcomes[f"v{n}"].reason for n in range(2, 9)} == {"forbidden"}

    def test_are_renewed_when_a_token_expires_in_mid_run(self) -> None:
        source_auth, target_auth = BearerAuth("user", "right"), BearerAuth("user", "right")
        login = {"username": "user", "password": "right"}
        with FakeRegistry(auth=source_auth) as source, FakeRegistry(auth=target_auth) as target:
            bench = Bench(source, target, source_endpoint=login, target_endpoint=login)
            made = {f"v{n}": bench.put(images.image(n, layers=1), f"v{n}") for n in range(6)}
            bench.budget = {"tags": 1}
            seen = 0

            def expire() -> bool:
                nonlocal seen
                seen += 1
                if seen % 20 == 0:
                    source_auth.expire_tokens()
                    target_auth.expire_tokens()
                return False

            bench.run(lambda engine: bench.copy_with(engine, *made, target_tags=set(), is_stopping=expire))
            assert seen > 40
            assert {outcome.status for outcome in bench.finished} == {"copied"}
            for tag, image in made.items():
                bench.assert_same(image, tag)

    def test_cost_one_token_per_side_and_repository(self) -> None:
        source_auth, target_auth = BearerAuth("user", "right"), BearerAuth("user", "right")
        login = {"username": "user", "password": "right"}
        with FakeRegistry(auth=source_auth) as source, FakeRegistry(auth=target_auth) as target:
            bench = Bench(source, target, source_endpoint=login, target_endpoint=login)
            for n in range(20):
                bench.put(images.image(n, layers=1), f"v{n}")
            bench.copy(*(f"v{n}" for n in range(20)))
            assert {outcome.status for outcome in bench.finished} == {"copied"}
            assert (len(source_auth.issued), len(target_auth.issued)) == (1, 1)


class TestRegistryThatIsDown:
    def test_ends_the_copy_after_a_few_tags(self, bench: Bench) -> None:
        tags = [f"v{n}" for n in range(50)]
        for tag in tags:
            bench.put(images.image(tag, layers=0), tag)
        bench.source.stop()
        bench.budget = {"tags": 1}
        with pytest.raises(Unreachable) as caught:
            bench.copy(*tags, target_tags=set())
        assert caught.value.side == "source"
        assert [outcome.reason for outcome in bench.finished] == ["unreachable"] * 10

    @pytest.mark.parametrize("side", ["source", "target"])
    def test_leaves_tags_to_try_later(self, bench: Bench, side: str) -> None:
        bench.put(images.image(), "v1")
        (bench.source if side == "source" else bench.target).stop()
        outcome = bench.copy("v1")["v1"]
        assert (outcome.status, outcome.reason, outcome.side) == ("failed", "unreachable", side)
        assert outcome.is_retryable
