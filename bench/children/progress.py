"""
Reports the progress of a copy without the copy: what `large` and `small` together would have to say.

Every 64 KiB are counted and, like every finished tag, taken in by the record of a job, as in a worker.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import django

from bench.children import gate
from bench.content import KIB

_BYTES = 1_600_000_000
_TAGS = 500


def main() -> None:
    """Do it once and say how long it took."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    from registries.oci.endpoint import Endpoint  # noqa: PLC0415 - needs the apps, like all here
    from registries.transfer.events import TagFinished  # noqa: PLC0415
    from registries.transfer.plan import CopyOptions  # noqa: PLC0415
    from registries.transfer.progress import Meter, Tally  # noqa: PLC0415
    from syncjobs.drain.assignment import Assignment, Limits  # noqa: PLC0415
    from syncjobs.drain.recorder import JobRecord  # noqa: PLC0415
    from syncjobs.planner import Selection  # noqa: PLC0415

    endpoint = Endpoint("http://127.0.0.1:1")
    assignment = Assignment(
        job_id=1,
        execution_id=1,
        account_id=1,
        is_discovery=False,
        attempt=1,
        selection=Selection("bench"),
        options=CopyOptions(),
        source=endpoint,
        target=endpoint,
        source_repository="bench/app",
        target_repository="bench/app",
        tags=None,
        deleted_tags=(),
        rule_id=1,
        rule_limits=Limits(),
        source_limits=Limits(),
        target_limits=Limits(),
        retry_until=datetime.now(UTC),
        has_failed_before=False,
        failed_for_good_count=0,
    )
    record = JobRecord(assignment)
    gate.wait()
    began_at = time.perf_counter()
    meter = Meter("bench/app", Tally(), record.emit)
    for _chunk in range(_BYTES // (64 * KIB)):
        meter.count(64 * KIB)
    meter.flush()
    for number in range(_TAGS):
        record.emit(
            TagFinished(
                "bench/app",
                f"v{number}",
                "copied",
                digest="sha256:0",
                kind="image",
                bytes_copied=1,
                reason=None,
                detail="",
                side=None,
                is_retryable=False,
                retry_at=None,
            )
        )
    record.take_news(datetime.now(UTC))
    gate.report(seconds=time.perf_counter() - began_at)


if __name__ == "__main__":
    main()
