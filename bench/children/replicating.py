"""
Gives a primary replicas, `python -m bench.children.replicating PRIMARY_URL BACKEND_URL...`, and waits for them.

The settings of the installation are in the environment; its worker does the work.
"""

from __future__ import annotations

import os
import sys
import time

import django
from django.utils import timezone

from bench.children import gate

_LOOK_SECONDS = 0.02
_ACCOUNT = "100000000001"


def main() -> None:
    """Create them when the parent says so, and return once every back-fill has ended."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    from registries.models import Account, Edition, Region  # noqa: PLC0415 - needs the apps, like all here
    from registries.services import instances, platform  # noqa: PLC0415
    from syncjobs.models import Execution  # noqa: PLC0415
    from syncjobs.services import deployments  # noqa: PLC0415

    primary_url, *backend_urls = sys.argv[1:]
    now = timezone.now()
    account, _ = Account.objects.get_or_create(uin=_ACCOUNT, defaults={"name": "Bench"})
    home, *others = Region.objects.filter(jurisdiction=Region.objects.get(code="ap-guangzhou").jurisdiction)[
        : 1 + len(backend_urls)
    ]
    primary = instances.create_connected(
        account=account,
        values={"name": "primary", "edition": Edition.PREMIUM, "region": home, "endpoint_url": primary_url},
        username="",
        password="",
        by=None,
        now=now,
    )
    for region, url in zip(others, backend_urls, strict=True):
        platform.create_backend(
            values={"code": f"backend-{region.code}", "region": region, "endpoint_url": url},
            credential=("", None),
            by=None,
            now=now,
        )
    gate.wait()
    for region in others:
        deployments.deploy(primary=primary, region=region, by=None, now=timezone.now())
    executions = Execution.objects.filter(replica__isnull=False)
    while executions.filter(finished_at=None).exists():
        time.sleep(_LOOK_SECONDS)
    gate.report(
        statuses=sorted({execution.status for execution in executions}),
        tags=sum(execution.copied_count for execution in executions),
    )


if __name__ == "__main__":
    main()
