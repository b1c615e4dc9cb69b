"""
What a user of an installation does: registers two instances and a rule, triggers it, waits for its end.

The work is done by the installation's worker, which is what is measured; this process only looks on.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from django.db import connection
from django.utils import timezone

from bench.tools.task import Task
from registries.models import Account, Edition, Instance, Region
from registries.services import instances
from syncjobs.models import Execution, Outcome, Rule
from syncjobs.services import rules

_LOOK_SECONDS = 0.02
_ACCOUNT = "100000000001"


def make_rule(task: Task) -> Rule:
    """Create what the task needs: an instance for each registry, and a rule from one to the other."""
    account, _ = Account.objects.get_or_create(uin=_ACCOUNT, defaults={"name": "Bench"})
    name = f"bench-{uuid.uuid4().hex[:8]}"
    values: dict[str, Any] = {
        "source": _make_instance(account, f"{name}-source", task.source_url),
        "target": _make_instance(account, f"{name}-target", task.target_url),
        "name": name,
        "namespace": task.namespace,
    }
    return rules.create(values=values, by=None, now=timezone.now())


def run(rule: Rule) -> Execution:
    """Trigger the rule and return the execution once the database says that it is finished."""
    execution = rules.trigger(rule=rule, by=None, now=timezone.now())
    mine = f"SELECT 1 FROM {Execution._meta.db_table} WHERE id = %s AND finished_at IS NOT NULL"
    with connection.cursor() as cursor:
        while True:
            # Not through the models: they would take a tenth of a CPU from what is measured.
            cursor.execute(mine, [execution.pk])
            if cursor.fetchone():
                break
            time.sleep(_LOOK_SECONDS)
    execution.refresh_from_db()
    return execution


def report_of(execution: Execution) -> dict[str, Any]:
    """Return what became of the execution."""
    started, finished = execution.started_at, execution.finished_at
    return {
        "status": execution.status,
        "reason": execution.reason_detail or execution.reason,
        "tags": execution.copied_count + execution.up_to_date_count,
        "repositories": execution.repository_count,
        "bytes": execution.bytes_copied,
        "outcomes": Outcome.objects.filter(job__execution=execution).count(),
        "seconds_until_start": started and (started - execution.created_at).total_seconds(),
        "seconds_until_end": finished and (finished - execution.created_at).total_seconds(),
    }


def _make_instance(account: Account, name: str, url: str) -> Instance:
    return instances.create_connected(
        account=account,
        values={
            "name": name,
            "edition": Edition.PREMIUM,
            "region": Region.objects.first(),
            "endpoint_url": url,
        },
        username="",
        password="",
        by=None,
        now=timezone.now(),
    )
