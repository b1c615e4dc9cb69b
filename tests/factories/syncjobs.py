"""Builders of what should happen and what happened: rules, executions, jobs, outcomes, workers."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone

from registries.models import Instance
from syncjobs import states
from syncjobs.models import Execution, Job, Outcome, OutcomeStatus, Rule, Trigger, Worker
from syncjobs.states import Status
from tests.factories.registries import PASSWORD, make_access_credential, make_account, make_instance

_numbers = itertools.count(1)


def make_rule(*, source: Instance | None = None, **fields: Any) -> Rule:
    """Build an enabled rule to another instance of the same account."""
    source = source or make_instance()
    target = fields.pop("target", None) or make_instance(account=source.account)
    defaults: dict[str, Any] = {"name": f"rule-{next(_numbers)}", "namespace": "project"}
    return Rule.objects.create(source=source, target=target, **defaults | fields)


def make_cross_tenant_rule(
    *, source: Instance | None = None, target: Instance | None = None, secret: str = PASSWORD, **fields: Any
) -> Rule:
    """Build a rule to an instance of another account, with a credential that was issued for it."""
    target = target or make_instance(account=make_account())
    if not target.access_credentials.exists():
        make_access_credential(instance=target, secret=secret)
    rule = make_rule(
        source=source,
        target=target,
        **{
            "is_cross_tenant": True,
            "target_instance_id": target.instance_id,
            "target_username": target.account.uin,
            "target_token_id": target.access_credentials.values_list("token_id", flat=True)[0],
        }
        | fields,
    )
    rule.seal_target_password(secret)
    rule.save()
    return rule


def make_execution(*, rule: Rule | None = None, status: str = Status.PENDING, **fields: Any) -> Execution:
    """Build an execution; a final one finished now, one that began did so a minute ago."""
    if rule is None and "replica" not in fields:
        rule = make_rule()
    now = fields.pop("now", None) or timezone.now()
    defaults: dict[str, Any] = {"trigger": Trigger.MANUAL, "created_at": now - timedelta(minutes=1)}
    if status != Status.PENDING:
        defaults["started_at"] = now - timedelta(minutes=1)
    if status in states.FINAL:
        defaults["finished_at"] = now
    if "replica" in fields:
        defaults["replica_name"] = fields["replica"].replica_id
    source = rule.source if rule else fields["replica"].primary
    return Execution.objects.create(rule=rule, source=source, status=status, **defaults | fields)


def make_finished_execution(*, rule: Rule | None = None, **fields: Any) -> Execution:
    """Build a succeeded execution that copied 5 tags of 2 repositories."""
    defaults: dict[str, Any] = {
        "status": Status.SUCCEEDED,
        "repository_count": 2,
        "succeeded_repository_count": 2,
        "copied_count": 5,
        "bytes_copied": 12_345_678,
    }
    return make_execution(rule=rule, **defaults | fields)


def make_job(*, execution: Execution | None = None, status: str = Status.PENDING, **fields: Any) -> Job:
    execution = execution or make_execution()
    now = timezone.now()
    repository = f"project/repository{next(_numbers)}"
    defaults: dict[str, Any] = {
        "account": execution.source.account,
        "source_repository": repository,
        "target_repository": repository,
        "not_before": now,
    }
    if status == Status.RUNNING:
        defaults |= {"lease_token": "token", "lease_until": now + timedelta(seconds=30), "started_at": now}
    if status in states.FINAL:
        defaults |= {"started_at": now, "finished_at": now, "attempt": 1}
    return Job.objects.create(execution=execution, status=status, **defaults | fields)


def make_outcome(*, job: Job | None = None, status: str = OutcomeStatus.COPIED, **fields: Any) -> Outcome:
    job = job or make_job(status=Status.SUCCEEDED)
    defaults: dict[str, Any] = {"tag": f"v{next(_numbers)}", "happened_at": timezone.now()}
    return Outcome.objects.create(execution=job.execution, job=job, status=status, **defaults | fields)


def make_worker(**fields: Any) -> Worker:
    """Build a worker whose heart beats now."""
    now = timezone.now()
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "name": f"worker-{number}",
        "token": f"token{number}",
        "started_at": now,
        "heartbeat_at": now,
    }
    return Worker.objects.create(**defaults | fields)
