"""
Fills a database as a busy year would.

200 rules, 100,000 executions with a job each, 1,000,000 outcomes; one execution has 1,000 jobs and 100,000 outcomes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

_RULES = 200
_EXECUTIONS = 100_000
_OUTCOMES_EACH = 9
_LARGE_JOBS = 1000
_LARGE_OUTCOMES_EACH = 100
_DAYS = 30
_LAG_SAMPLES = 1440
WARM_UPS = 2
RUNS = 20

_OUTCOMES = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s)
INSERT INTO syncjobs_outcome (execution_id, job_id, tag, status, artifact_type, digest, bytes_copied, reason,
    reason_side, reason_detail, is_retryable, happened_at)
SELECT job.execution_id, job.id, 'v1.' || n,
    CASE n %% 9 WHEN 7 THEN 'skipped' WHEN 8 THEN 'failed' ELSE 'copied' END, 'image',
    'sha256:' || job.id || '-' || n, 1000, '', '', '', job.id < 0, job.not_before
FROM syncjobs_job AS job CROSS JOIN numbers WHERE (job.execution_id = %s) = (1 = %s)
"""


@dataclass(frozen=True, slots=True)
class Year:
    """What pages and lists are about: rows of the database. `large` is the latest execution."""

    owner: Any
    source: Any
    rule: Any
    replica: Any
    large: Any


def fill() -> Year:
    """Write everything; Django is set up."""
    from django.db import connection, transaction  # noqa: PLC0415 - needs the apps, like all here

    from syncjobs.states import Status  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415

    with transaction.atomic():
        account = factories.make_account(name="Bench")
        owner = factories.make_user(account=account, username="bench", role="owner")
        for _number in range(20):
            factories.make_user(account=account, role="viewer")
        places = [factories.make_instance(account=account, edition="premium") for _number in range(5)]
        rules = [
            factories.make_rule(source=places[0 if number < 150 else 1], target=places[2 + number % 3])
            for number in range(_RULES)
        ]
        replicas = [factories.make_replica(primary=places[0]) for _number in range(3)]
        large = _fill_executions(account, rules, replicas)
        with connection.cursor() as cursor:
            cursor.execute(_OUTCOMES, [_OUTCOMES_EACH, large.pk, 0])
            cursor.execute(_OUTCOMES, [_LARGE_OUTCOMES_EACH, large.pk, 1])
        _fill_the_rest(account, replicas)
        factories.make_execution(rule=rules[1], status=Status.RUNNING)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Year(owner, places[0], rules[0], replicas[0], large)


def measure(name: str, ask: Callable[[], Any], *, runs: int = RUNS) -> dict[str, Any]:
    """
    Return what a request takes: median and 95th percentile of the seconds, and the number of queries.

    Raises RuntimeError for an answer other than 200.
    """
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    for _number in range(WARM_UPS):
        response = ask()
        if response.status_code != 200:
            raise RuntimeError(f"{name} is answered {response.status_code}")
    seconds = []
    for _number in range(runs):
        began_at = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began_at)
    with CaptureQueriesContext(connection) as queries:
        ask()
    return {
        "name": name,
        "median": statistics.median(seconds),
        "p95": statistics.quantiles(seconds, n=20)[-1],
        "queries": len(queries),
    }


def _fill_executions(account: Any, rules: list[Any], replicas: list[Any]) -> Any:
    """Write executions and their jobs; return the large execution, which is the last."""
    from django.utils import timezone  # noqa: PLC0415

    from syncjobs.models import Execution, Job, Trigger  # noqa: PLC0415
    from syncjobs.states import Status  # noqa: PLC0415

    now = timezone.now()
    executions = []
    for number in range(_EXECUTIONS):
        moment = now - timedelta(days=_DAYS) * (1 - number / _EXECUTIONS)
        rule, replica = rules[number * 7919 % len(rules)], replicas[number % len(replicas)]
        of_replica = {"replica": replica, "replica_name": replica.replica_id}
        of = of_replica if number % 50 == 0 else {"rule": rule}
        executions.append(
            Execution(
                source=replica.primary if "replica" in of else rule.source,
                **of,
                # Pushes; of replicas sweeps, too.
                trigger=Trigger.SWEEP if number % 100 == 0 else Trigger.PUSH,
                status=(Status.FAILED if number % 37 == 0 else Status.SUCCEEDED).value,
                created_at=moment,
                started_at=moment,
                finished_at=moment + timedelta(seconds=3),
                repository_count=1,
                succeeded_repository_count=1,
                copied_count=_OUTCOMES_EACH,
                bytes_copied=_OUTCOMES_EACH * 1000,
            )
        )
    executions[-1].rule, executions[-1].source, executions[-1].replica = rules[0], rules[0].source, None
    executions[-1].replica_name = ""
    Execution.objects.bulk_create(executions, batch_size=2000)
    large = executions[-1]
    jobs = [
        Job(
            execution=execution,
            account=account,
            source_repository=f"project/app{number}",
            target_repository=f"project/app{number}",
            status=execution.status,
            attempt=1,
            not_before=execution.created_at,
            started_at=execution.created_at,
            finished_at=execution.finished_at,
        )
        for number, execution in enumerate(executions + [large] * (_LARGE_JOBS - 1))
    ]
    Job.objects.bulk_create(jobs, batch_size=2000)
    return large


def _fill_the_rest(account: Any, replicas: list[Any]) -> None:
    from django.utils import timezone  # noqa: PLC0415

    from registries.models import AuditEvent  # noqa: PLC0415
    from syncjobs.models import LagSample  # noqa: PLC0415

    now = timezone.now()
    LagSample.objects.bulk_create(
        LagSample(replica=replica, sampled_at=now - timedelta(minutes=minute), seconds_behind=minute % 7)
        for replica in replicas
        for minute in range(_LAG_SAMPLES)
    )
    AuditEvent.objects.bulk_create(
        (
            AuditEvent(
                happened_at=now - timedelta(seconds=number),
                account=account,
                actor_name="x",
                verb="rule.created",
            )
            for number in range(20_000)
        ),
        batch_size=2000,
    )
