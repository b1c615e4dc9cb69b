"""Large blobs side by side pass through a bounded amount of memory."""

import subprocess
import sys

from tests.fakes import images
from tests.fakes.artifacts import OCI_LAYER
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import REPOSITORY

MEBIBYTE = 1024 * 1024


def measure(count: int, size: int, *, timeout_seconds: float) -> tuple[int, int]:
    """Return the peaks of a process, in bytes, before and after it copied so many blobs of the size."""
    with FakeRegistry() as source, FakeRegistry(discard_uploads=True) as target:
        images.push(images.image("small"), source, REPOSITORY, "small")
        layers = [
            {
                "mediaType": OCI_LAYER,
                "digest": source.put_synthetic_blob(REPOSITORY, size, seed),
                "size": size,
            }
            for seed in range(count)
        ]
        images.push(images.image("large", layers=0, extra_layers=layers), source, REPOSITORY, "large")
        probe = subprocess.run(
            [sys.executable, "-m", "tests.unit.registries.transfer.memory_probe", source.url, target.url],
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
        assert probe.returncode == 0, probe.stderr
        assert len(target.blobs(REPOSITORY)) == count + 4
    before, after = map(int, probe.stdout.split())
    return before, after


class TestMemory:
    def test_is_bounded_while_eight_large_blobs_are_copied(self) -> None:
        before, after = measure(8, 64 * MEBIBYTE, timeout_seconds=120)
        assert after - before < 60 * MEBIBYTE
        assert after < 150 * MEBIBYTE

    def test_is_bounded_while_many_blobs_are_copied(self) -> None:
        before, after = measure(60, 4 * MEBIBYTE, timeout_seconds=120)
        assert after - before < 60 * MEBIBYTE
        assert after < 150 * MEBIBYTE


if __name__ == "__main__":
    peaks = measure(int(sys.argv[1]), int(sys.argv[2]) * MEBIBYTE, timeout_seconds=3600)
    sys.stdout.write("peaks in MiB before and after: {} {}\n".format(*(peak // MEBIBYTE for peak in peaks)))
