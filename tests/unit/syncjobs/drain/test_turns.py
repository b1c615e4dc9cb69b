"""Whose turn it is: tenants alternate, interactive work comes first, caps hold back bulk work only."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from registries.models import Account
from syncjobs.drain import ledger, turns
from syncjobs.drain.assignment import Assignment
from syncjobs.drain.turns import Caps, Claimant, Load, share_out
from syncjobs.models import Execution, Job, Queue
from syncjobs.services import rules
from tests.factories import make_account, make_backend, make_hosted_instance, make_instance
from tests.factories.syncjobs import make_execution, make_job, make_rule

BULK_ROOM, ROOM = 24, 32


def claimant(execution: int, account: int, *registries: str) -> Claimant:
    return Claimant(execution, account, frozenset(registries))


def open_bulk(account: Account, count: int, *, now=None) -> Execution:
    """Build an execution of the account with so many repositories waiting."""
    execution = make_execution(rule=make_rule(source=make_instance(account=account)))
    not_before = now or timezone.now()
    Job.objects.bulk_create(
        Job(
            execution=execution,
            account=account,
            source_repository=f"project/app{number}",
            target_repository=f"project/app{number}",
            not_before=not_before,
        )
        for number in range(count)
    )
    return execution


def claim(token: str = "t1", *, bulk_room: int = BULK_ROOM, interactive_room: int = ROOM, **shift: int):
    now = timezone.now() + timedelta(**shift)
    items = ledger.claim(token=token, bulk_room=bulk_room, interactive_room=interactive_room, now=now)
    return [Job.objects.select_related("execution").get(pk=item.job_id) for item in items]


def accounts_of(jobs: list[Job]) -> list[int]:
    return [job.account_id for job in jobs]


class TestShareOut:
    def test_gives_every_account_the_same(self):
        big, small = claimant(1, 1), claimant(2, 2)
        assert share_out([big, small], 5, Load(), Caps()) == {big: 3, small: 2}

    def test_gives_more_to_who_has_less_in_hand(self):
        big, small = claimant(1, 1), claimant(2, 2)
        load = Load()
        load.add(big, 4)
        assert share_out([big, small], 6, load, Caps()) == {small: 5, big: 1}

    def test_shares_what_an_account_gets_among_its_executions(self):
        first, second, other = claimant(1, 1), claimant(2, 1), claimant(3, 2)
        assert share_out([first, second, other], 8, Load(), Caps()) == {first: 2, second: 2, other: 4}

    def test_stops_at_the_cap_of_an_account_over_all_its_executions(self):
        first, second, other = claimant(1, 1), claimant(2, 1), claimant(3, 2)
        shares = share_out([first, second, other], 20, Load(), Caps(per_account=3))
        assert shares[first] + shares[second] == shares[other] == 3

    def test_stops_at_the_cap_of_a_registry_that_tenants_share(self):
        shares = share_out(
            [claimant(1, 1, "a", "shared"), claimant(2, 2, "shared", "b"), claimant(3, 3, "c")],
            20,
            Load(),
            Caps(per_registry=4),
        )
        assert [shares[key] for key in sorted(shares, key=lambda item: item.execution_id)] == [2, 2, 4]


@pytest.mark.django_db
class TestClaim:
    def test_alternates_between_tenants_whoever_came_first(self):
        big, small = make_account(), make_account()
        open_bulk(big, 100)
        open_bulk(small, 3)
        assert accounts_of(claim())[:6] == [big.pk, small.pk] * 3

    def test_leaves_no_slot_empty_when_a_tenant_has_little(self):
        big, small = make_account(), make_account()
        open_bulk(big, 100)
        open_bulk(small, 3)
        assert accounts_of(claim()).count(big.pk) == BULK_ROOM - 3

    def test_a_bulk_run_of_2000_jobs_delays_another_tenants_manual_trigger_by_no_claim(self):
        big = make_account()
        open_bulk(big, 2000)
        claim("t1")
        rule = make_rule()
        execution = rules.trigger(rule=rule, by=None, now=timezone.now())

        first = claim("t2", interactive_room=8, bulk_room=0)

        assert [job.execution for job in first] == [execution]

    def test_nor_the_repositories_that_it_finds_by_more_than_one(self):
        big, small = make_account(), make_account()
        open_bulk(big, 2000)
        claim("t1")
        open_bulk(small, 20)

        assert accounts_of(claim("t2", bulk_room=4)) == [small.pk] * 4
        assert accounts_of(claim("t3")).count(small.pk) == 16

    def test_interactive_work_comes_first_and_alternates_too(self):
        big, small = make_account(), make_account()
        for account, count in ((big, 5), (small, 1)):
            execution = make_execution(rule=make_rule(source=make_instance(account=account)))
            for _ in range(count):
                make_job(execution=execution, queue=Queue.INTERACTIVE)
        open_bulk(small, 5)
        jobs = claim()
        assert [job.queue for job in jobs] == [Queue.INTERACTIVE] * 6 + [Queue.BULK] * 5
        assert accounts_of(jobs)[:2] == [big.pk, small.pk]

    def test_looks_at_jobs_of_active_executions_only(self):
        finished = make_execution(status="succeeded")
        make_job(execution=finished)
        assert claim() == []
        assert not ledger.has_due(timezone.now())


@pytest.mark.django_db
class TestCaps:
    def test_hold_over_all_workers(self, settings):
        settings.ACCOUNT_JOBS = 30
        open_bulk(make_account(), 100)
        assert [len(claim(token)) for token in ("t1", "t2", "t3")] == [24, 6, 0]
        assert not ledger.has_due(timezone.now())

    def test_count_no_expired_lease(self, settings):
        settings.ACCOUNT_JOBS = 10
        open_bulk(make_account(), 100)
        assert len(claim("t1")) == 10
        assert ledger.has_due(timezone.now() + timedelta(minutes=1))
        assert len(claim("t2", minutes=1)) == 10

    def test_do_not_hold_back_interactive_work(self, settings):
        settings.ACCOUNT_JOBS = 1
        account = make_account()
        execution = open_bulk(account, 5)
        assert len(claim("t1")) == 1
        wanted = make_job(execution=execution, queue=Queue.INTERACTIVE)
        assert ledger.has_due(timezone.now())
        assert claim("t2") == [wanted]

    def test_count_a_registry_once_whoever_uses_it(self, settings):
        settings.REGISTRY_JOBS = 6
        backend = make_backend()
        for _ in range(2):
            target = make_hosted_instance(backend=backend, account=make_account())
            rule = make_rule(source=make_instance(account=target.account), target=target)
            execution = make_execution(rule=rule)
            for _number in range(10):
                make_job(execution=execution)
        jobs = claim()
        assert sorted(accounts_of(jobs).count(account) for account in set(accounts_of(jobs))) == [3, 3]
        assert claim("t2") == []

    def test_leave_everything_to_be_done_where_there_are_none(self):
        open_bulk(make_account(), 30)
        assert len(claim(bulk_room=30)) == 30
        assert not turns.has_due(timezone.now())


@pytest.mark.django_db
class TestSuspects:
    def test_come_last_and_one_at_a_time(self):
        execution = make_execution()
        suspects = [make_job(execution=execution, lost_count=count) for count in (3, 2)]
        innocent = make_job(execution=execution, lost_count=1)
        assert claim("t1") == [innocent, suspects[1]]
        assert claim("t2") == [suspects[0]]
        assert claim("t3") == []

    def test_wait_while_a_worker_has_one_in_hand(self):
        make_job(lost_count=2)
        take = partial(ledger.claim, token="t1", bulk_room=9, interactive_room=9, now=timezone.now())
        assert take(takes_suspect=False) == []
        (assignment,) = take()
        assert isinstance(assignment, Assignment)
        assert assignment.is_suspect

    def test_are_those_whose_second_worker_died_just_now(self):
        execution = make_execution()
        for _ in range(2):
            make_job(execution=execution, status="running", lost_count=1)
        assert len(claim("t1", minutes=5)) == 1

    def test_are_not_those_whose_first_worker_died(self):
        execution = make_execution()
        for _ in range(2):
            make_job(execution=execution, status="running")
        assert len(claim("t1", minutes=5)) == 2
