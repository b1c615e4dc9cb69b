"""The watchdog judges a group of real processes by rows of heartbeats and a clock that the test moves."""

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Schedule

from syncjobs import queue
from syncjobs.drain import ledger
from syncjobs.models import Worker
from syncjobs.worker import watchdog
from syncjobs.worker.watchdog import Watchdog
from tests.factories import make_job, make_worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a group of its own, as the main process of a cluster does."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        yield child
        child.kill()


@pytest.fixture
def group(process: subprocess.Popen[bytes]) -> int:
    return process.pid


def drain(group: int, pid: int | None = None, *, silent_for: int = 0) -> Worker:
    beat_at = timezone.now() - timedelta(seconds=silent_for)
    return make_worker(name=ledger.drain_name(group, pid or group), heartbeat_at=beat_at)


def look(dog: Watchdog, group: int, *seconds: int) -> list[str]:
    now = timezone.now()
    return [
        dog.find_reason(group, is_due=ledger.has_due(now), now=now, clock=float(second)) for second in seconds
    ]


class TestStuckCluster:
    def test_is_found_when_work_is_due_and_nobody_shows_a_heartbeat(self, group):
        make_job()
        *early, late = look(Watchdog(), group, *range(47))
        assert set(early) == {""}
        assert "no worker shows a heartbeat" in late

    def test_is_found_sooner_once_it_has_worked(self, group):
        dog, worker = Watchdog(), drain(group)
        make_job()
        assert look(dog, group, 0, 1) == ["", ""]
        worker.delete()
        *early, late = look(dog, group, *range(2, 19))
        assert set(early) == {""}
        assert late

    def test_is_not_what_works(self, group):
        make_job()
        drain(group)
        assert set(look(Watchdog(), group, *range(120))) == {""}

    def test_is_not_excused_by_the_workers_of_another(self, group):
        make_job()
        drain(group + 1)
        make_worker()
        assert look(Watchdog(), group, *range(47))[-1]

    def test_is_not_excused_by_a_process_that_is_gone(self, group):
        make_job()
        gone = subprocess.Popen(["true"])
        gone.wait()
        drain(group, gone.pid)
        assert look(Watchdog(), group, *range(47))[-1]
        assert not Worker.objects.exists()

    def test_gets_its_time_anew_after_a_while_without_looks(self, group):
        make_job()
        assert set(look(Watchdog(), group, *range(40), *range(100, 140))) == {""}

    def test_is_found_when_nobody_calls_the_tick(self, group):
        queue.ensure_tick()
        Schedule.objects.update(next_run=timezone.now() - timedelta(minutes=10))
        *early, late = look(Watchdog(), group, *range(152))
        assert set(early) == {""}
        assert "tick" in late


class TestHungProcess:
    def test_is_killed(self, group, process):
        drain(group, silent_for=60)
        look(Watchdog(), group, *range(47))
        assert process.wait(10) == -9

    def test_is_left_alone_until_the_watchdog_has_seen_enough(self, group, process):
        drain(group, silent_for=60)
        look(Watchdog(), group, *range(44))
        assert process.poll() is None


class TestDeadProcess:
    def test_leaves_its_jobs_to_others_at_once(self, group):
        gone = subprocess.Popen(["true"])
        gone.wait()
        worker = drain(group, gone.pid)
        job = make_job(status="running", lease_token=worker.token)
        now = timezone.now()
        assert not ledger.has_due(now)
        look(Watchdog(), group, 0)
        assert not Worker.objects.exists()
        (taken,) = ledger.claim(
            token="other", bulk_room=1, interactive_room=1, now=timezone.now() + timedelta(seconds=1)
        )
        assert taken.job_id == job.pk
        job.refresh_from_db()
        assert job.lost_count == 1

    def test_is_not_held_against_its_jobs_when_the_whole_cluster_died(self, group, process):
        worker = drain(group)
        job = make_job(status="running", lease_token=worker.token)
        process.kill()
        process.wait()
        watchdog.bury_dead(timezone.now())
        (taken,) = ledger.claim(token="other", bulk_room=1, interactive_room=1, now=timezone.now())
        assert taken.job_id == job.pk
        job.refresh_from_db()
        assert job.lost_count == 0

    def test_is_also_seen_while_unreaped(self, group, process):
        drain(group)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        look(Watchdog(), group, 0)
        assert not Worker.objects.exists()

    def test_of_another_machine_is_not_judged(self, group):
        make_worker(name="elsewhere:1:2")
        look(Watchdog(), group, 0)
        assert Worker.objects.exists()


class TestHasWorkInHand:
    def test_is_said_by_drains_that_live(self, group):
        assert not watchdog.has_work_in_hand(group)
        drain(group)
        assert watchdog.has_work_in_hand(group)

    def test_is_not_said_by_drains_that_died(self, group, process):
        drain(group)
        process.kill()
        process.wait()
        assert not watchdog.has_work_in_hand(group)
