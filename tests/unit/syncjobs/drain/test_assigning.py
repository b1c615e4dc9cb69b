"""What a claim finds out about credentials and accounts: what heals waits, what does not ends with its reason."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from registries.models import AccessCredential, Account
from syncjobs import reasons
from syncjobs.drain import ledger
from syncjobs.drain.assignment import Assignment, Refusal
from syncjobs.models import Execution, Job, Rule
from syncjobs.states import Status
from tests.factories import make_cross_tenant_rule, make_execution, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def execution() -> Execution:
    return make_execution(rule=make_cross_tenant_rule(retry_window_seconds=3600))


@pytest.fixture
def job(execution: Execution) -> Job:
    return make_job(execution=execution)


def claim(**after: float) -> list[Assignment | Refusal]:
    now = timezone.now() + timedelta(**after)
    return ledger.claim(token="t1", bulk_room=10, interactive_room=10, now=now)


def disable() -> None:
    AccessCredential.objects.update(is_enabled=False)


def stored(job: Job) -> Job:
    return Job.objects.select_related("execution").get(pk=job.pk)


class TestACredentialThatMayHeal:
    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"is_enabled": False}, reasons.CREDENTIAL_DISABLED),
            ({"expires_at": timezone.now() - timedelta(days=1)}, reasons.CREDENTIAL_EXPIRED),
            ({"namespaces": ["elsewhere"]}, reasons.CREDENTIAL_REJECTED),
        ],
    )
    def test_lets_the_job_wait_and_says_for_what(self, job, change, code):
        AccessCredential.objects.update(**change)
        assert claim() == []
        waiting = stored(job)
        assert (waiting.status, waiting.reason, waiting.reason_side) == (Status.PENDING, code, "target")
        assert waiting.lease_token == ""
        assert waiting.not_before > timezone.now()
        assert waiting.execution.status == Status.RUNNING
        assert waiting.execution.next_attempt_at == waiting.not_before

    def test_lets_it_go_on_once_it_is_enabled_again(self, job):
        disable()
        assert claim() == []
        AccessCredential.objects.update(is_enabled=True)
        (assignment,) = claim(seconds=30)
        assert isinstance(assignment, Assignment)
        first_failed_at = stored(job).first_failed_at
        assert first_failed_at is not None
        assert assignment.retry_until == first_failed_at + timedelta(hours=1)

    def test_ends_the_job_with_the_same_reason_when_the_window_is_over(self, job):
        disable()
        claim()
        (refusal,) = claim(minutes=61)
        assert isinstance(refusal, Refusal)
        assert (refusal.reason.code, refusal.is_stop) == (reasons.CREDENTIAL_DISABLED, False)

    def test_ends_it_at_once_where_the_rule_does_not_retry(self, job):
        Rule.objects.update(retry_window_seconds=0)
        disable()
        (refusal,) = claim()
        assert isinstance(refusal, Refusal)
        assert refusal.reason.code == reasons.CREDENTIAL_DISABLED

    def test_waits_longer_each_time(self, job):
        disable()
        claim()
        first = stored(job).not_before - timezone.now()
        claim(minutes=5)
        second = stored(job).not_before - (timezone.now() + timedelta(minutes=5))
        assert second > first
        assert stored(job).lost_count == 0

    def test_is_checked_once_for_all_jobs_of_an_execution(self, execution, django_assert_max_num_queries):
        for _ in range(10):
            make_job(execution=execution)
        disable()
        with django_assert_max_num_queries(30):
            claim()
        assert not Job.objects.exclude(reason=reasons.CREDENTIAL_DISABLED).exists()


class TestACredentialThatIsGone:
    def gone(self) -> Any:
        (refusal,) = claim()
        assert isinstance(refusal, Refusal)
        return refusal.reason.code

    def test_ends_the_job(self, job):
        AccessCredential.objects.all().delete()
        assert self.gone() == reasons.CREDENTIAL_REJECTED

    def test_sounds_the_same_when_its_instance_is(self, job, execution):
        execution.rule.target.delete()
        assert self.gone() == reasons.CREDENTIAL_REJECTED


class TestASwitchedOffAccount:
    def test_stops_what_nobody_has_taken(self, job, execution):
        Account.objects.filter(pk=execution.source.account_id).update(is_active=False)
        (refusal,) = claim()
        assert isinstance(refusal, Refusal)
        assert (refusal.reason.code, refusal.is_stop) == (reasons.ACCOUNT_DISABLED, True)

    def test_lets_rules_of_others_wait_that_copy_to_it(self, job, execution):
        Account.objects.filter(pk=execution.rule.target.account_id).update(is_active=False)
        assert claim() == []
        assert stored(job).reason == reasons.CREDENTIAL_REJECTED
