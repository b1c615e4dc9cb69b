"""What replicas lack because it could not be copied: for each the failure that counts, and how many tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Subquery

from registries.models import Replica
from syncjobs.models import MIRROR_SCANS, Execution, Job, Outcome, OutcomeStatus, Trigger
from syncjobs.models.job import JobQuerySet
from syncjobs.states import Status

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Failure:
    """
    The newest failed execution that nothing has made up for.

    `tag_count` is how many tags the replica lacks, or has in an old version, because they could not be copied.
    """

    execution: Execution
    tag_count: int


def list_failures(replicas: Collection[Replica]) -> dict[int, Failure]:
    """
    Return by its key what is wrong with each replica, nothing for one with which all is well; in three queries.

    A scan counts until the next one, and so does each tag that a push since then could not bring, unless a later
    push did. What kept a push as a whole counts until something else has gone well. Drift checks change nothing.
    """
    begun = _begin_by_replica(replicas)
    if not begun:
        return {}
    failed = Execution.objects.filter(
        replica__in=begun, pk__gte=min(scan for scan, _last in begun.values()), status=Status.FAILED
    ).exclude(trigger=Trigger.DRIFT)
    rows = failed.order_by("-pk").annotate(is_whole=Exists(_jobs_of_execution().untried()))
    runs: list[Any] = [run for run in rows[:_MOST] if run.pk >= begun[run.replica_id or 0][0]]
    lacking = _lacking_counts(runs)
    failures: dict[int, Failure] = {}
    for run in runs:
        scan, last = begun[run.replica_id or 0]
        is_open = run.pk == last or (run.pk == scan and (run.is_whole or not run.failed_count))
        if not (lacking[run.pk] or is_open):
            continue
        known = failures.get(run.replica_id or 0)
        count = lacking[run.pk] + (known.tag_count if known else 0)
        failures[run.replica_id or 0] = Failure(known.execution if known else run, count)
    return failures


def _begin_by_replica(replicas: Collection[Replica]) -> dict[int, tuple[int, int]]:
    """Return by replica the ids of its last scan, 0 if none has ended, and of its last finished execution."""
    finished = Execution.objects.filter(replica=OuterRef("pk"), finished_at__isnull=False).order_by("-id")
    scans = finished.filter(trigger__in=MIRROR_SCANS).exclude(status=Status.STOPPED)
    chosen = Replica.objects.filter(pk__in=[replica.pk for replica in replicas]).order_by()
    rows = chosen.annotate(
        scan=Subquery(scans.values("id")[:1]),
        last=Subquery(finished.exclude(trigger=Trigger.DRIFT).values("id")[:1]),
    )
    return {pk: (scan or 0, last) for pk, scan, last in rows.values_list("pk", "scan", "last") if last}


def _lacking_counts(failed: Sequence[Execution]) -> Counter[int]:
    """
    Return by execution how many of its tags failed of which nothing was heard since.

    Reads what became of tags of these names since the first of the executions, once: to look for a later word on each
    tag alone would take as long as there are tags times executions.
    """
    if not failed:
        return Counter()
    pks = [run.pk for run in failed]
    failed_jobs = Job.objects.filter(execution__in=pks, status=Status.FAILED).order_by()
    failed_tags = Outcome.objects.filter(execution__in=pks, status=OutcomeStatus.FAILED).order_by()
    since = Execution.objects.filter(replica__in={run.replica_id for run in failed}, pk__gte=min(pks))
    jobs = Job.objects.filter(
        execution__in=since.order_by().values("pk"),
        source_repository__in=failed_jobs.values("source_repository"),
    )
    heard = Outcome.objects.filter(
        job__in=jobs.order_by().values("pk"), tag__in=failed_tags.values("tag")
    ).values_list("execution__replica", "job__source_repository", "tag", "execution", "status")
    last_words: dict[tuple[Any, str, str], tuple[int, str]] = {}
    for replica, repository, tag, execution, status in heard.order_by("execution", "status"):
        last_words[replica, repository, tag] = (execution, status)
    return Counter(pk for pk, status in last_words.values() if status == OutcomeStatus.FAILED)


def _jobs_of_execution() -> JobQuerySet:
    return Job.objects.filter(execution=OuterRef("pk"))
