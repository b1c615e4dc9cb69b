"""Times every page of the console on the database of a busy year, without a web server between."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

from bench.children import busy_year, gate

if TYPE_CHECKING:
    from bench.children.busy_year import Year


def main() -> None:
    """Fill, say so, and time the pages once the parent wants it."""
    importlib.import_module("console.wsgi")  # as the web server begins
    began_at = time.perf_counter()
    year = busy_year.fill()
    gate.wait(fill_seconds=round(time.perf_counter() - began_at, 1))
    gate.report(pages=_time(year))


def _time(year: Year) -> list[dict[str, Any]]:
    from django.test import Client  # noqa: PLC0415 - needs the apps

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(year.owner)
    return [
        busy_year.measure(name, lambda path=path: client.get(path, secure=True))  # type: ignore[misc]
        for name, path in _paths(year).items()
    ]


def _paths(year: Year) -> dict[str, str]:
    """Return the pages by name. Those that read registries are left out: they take as long as the registry does."""
    instance, rule, replica, large = year.source, year.rule, year.replica, year.large
    selected = f"?instance={instance.instance_id}"
    return {
        "overview": "/",
        "instances": "/instances/",
        "instance": f"/instances/{instance.instance_id}/",
        "credentials": f"/instances/{instance.instance_id}/credentials/",
        "rules": f"/synchronization/{selected}",
        "rules-search": f"/synchronization/{selected}&q=rule-1",
        "rule-create": f"/synchronization/instances/{instance.instance_id}/new/",
        "rule-configure": f"/synchronization/rules/{rule.pk}/configure/",
        "logs": f"/synchronization/rules/{rule.pk}/logs/",
        "logs-failed": f"/synchronization/rules/{rule.pk}/logs/?status=failed",
        "logs-last-page": f"/synchronization/rules/{rule.pk}/logs/?page=9999",
        "execution": f"/executions/{large.pk - 1}/",
        "execution-large": f"/executions/{large.pk}/",
        "execution-large-copied": f"/executions/{large.pk}/?tags=copied&tags_page=9",
        "replication": f"/replication/{selected}",
        "replica": f"/replication/replicas/{replica.replica_id}/",
        "replica-logs": f"/replication/replicas/{replica.replica_id}/logs/",
        "users": "/account/users/",
        "account": "/account/",
        "audit": "/audit/",
    }


if __name__ == "__main__":
    main()
