"""
A large blob whose connections are cut again and again is not moved again and again.

`python -m tests.unit.registries.transfer.test_resume 2000` does it with 2 GB (any number of megabytes).
"""

import sys

from tests.fakes import images
from tests.fakes.artifacts import OCI_LAYER
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import PATIENT, REPOSITORY, Bench

MEGABYTE = 1_000_000
CUTS = 10
# What the buffers of the sockets between three processes may hold when a connection is cut.
IN_FLIGHT = 16 * MEGABYTE


def copy_with_cuts(size: int, *, side: str) -> tuple[int, int]:
    """Copy a blob of the size while one side cuts it ten times; return the bytes that left and arrived."""
    with FakeRegistry() as source, FakeRegistry(discard_uploads=True) as target:
        bench = Bench(source, target, timeouts=PATIENT)
        digest = source.put_synthetic_blob(REPOSITORY, size, seed=1)
        layer = {"mediaType": OCI_LAYER, "digest": digest, "size": size}
        bench.put(images.image("large", layers=0, extra_layers=[layer]), "v1")
        part = size // (CUTS + 1)
        if side == "source":
            source.fault(Fault(method="GET", path=f"/blobs/{digest}", cut_response_after=part, times=CUTS))
        else:
            target.fault(Fault(method="PUT", query=digest[-32:], cut_request_after=part))
            target.fault(Fault(method="PATCH", cut_request_after=part, times=CUTS - 1))
        bench.budget = {"tags": 1}
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (outcome.status, outcome.detail) == ("copied", "")
        assert target.blobs(REPOSITORY)[digest] == size
        assert target.open_uploads() == 0
        downloads = source.requests_of("GET", f"/blobs/{digest}")
        uploads = [request for request in target.requests if request.request_bytes >= part]
        assert len(downloads) == CUTS + 1
        assert len(uploads) == (1 if side == "source" else CUTS + 1)
        return sum(request.response_bytes for request in downloads), sum(
            request.request_bytes for request in uploads
        )


class TestBlobThatIsCutTenTimes:
    def test_is_downloaded_hardly_more_than_once(self) -> None:
        size = 256 * MEGABYTE
        left, arrived = copy_with_cuts(size, side="source")
        assert left < size * 1.05
        assert arrived == size

    def test_is_uploaded_once_and_read_again_only_where_it_was_in_flight(self) -> None:
        size = 256 * MEGABYTE
        left, arrived = copy_with_cuts(size, side="target")
        assert left < size + CUTS * IN_FLIGHT
        assert arrived < size * 1.05


if __name__ == "__main__":
    wanted = int(sys.argv[1]) * MEGABYTE
    for cut_side in ("source", "target"):
        moved = copy_with_cuts(wanted, side=cut_side)
        sys.stdout.write(f"cut by the {cut_side}: {moved[0]} bytes left, {moved[1]} arrived\n")
