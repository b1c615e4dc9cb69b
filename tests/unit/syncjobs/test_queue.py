"""The doorbell: rung on commit, answered once, oldest first, and never the reason why something else fails."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage

from syncjobs import queue, tasks
from syncjobs.queue import DoorbellBroker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker():
    return DoorbellBroker()


def waiting_functions() -> list[str]:
    return [SignedPackage.loads(row.payload)["func"] for row in OrmQ.objects.order_by("id")]


class TestRing:
    def test_asks_for_a_drain_without_arguments(self):
        queue.ring()
        (row,) = OrmQ.objects.all()
        task = SignedPackage.loads(row.payload)
        assert (task["func"], task["args"], task["kwargs"]) == ("syncjobs.tasks.drain", (), {})

    def test_is_silent_until_the_transaction_commits(self):
        with transaction.atomic():
            queue.ring()
            assert not OrmQ.objects.exists()
        assert OrmQ.objects.count() == 1

    def test_is_undone_with_the_transaction(self):
        with transaction.atomic():
            queue.ring()
            transaction.set_rollback(True)
        assert not OrmQ.objects.exists()

    def test_stops_ringing_when_enough_wait(self):
        for _ in range(5 * Conf.WORKERS):
            queue.ring()
        assert queue.waiting_count() == 2 * Conf.WORKERS

    def test_does_not_turn_a_committed_act_into_a_failure(self, monkeypatch, caplog):
        def fail(_name: str) -> None:
            raise OperationalError("the database went away")

        monkeypatch.setattr(queue, "async_task", fail)
        with transaction.atomic():
            Schedule.objects.create(name="committed", func="x")
            queue.ring()
        assert Schedule.objects.filter(name="committed").exists()
        assert "the database went away" in caplog.text


class TestRingAll:
    def test_wakes_as_many_as_one_machine_has(self):
        queue.ring_all()
        assert waiting_functions() == ["syncjobs.tasks.drain"] * Conf.WORKERS


class TestWaitingCount:
    def test_leaves_out_what_a_worker_has_taken(self, broker):
        queue.ring_all()
        broker.dequeue()
        assert queue.waiting_count() == Conf.WORKERS - 1


class TestDequeue:
    def test_takes_the_oldest_first_and_one_at_a_time(self, broker):
        first, second = broker.enqueue("first"), broker.enqueue("second")
        assert broker.dequeue() == [(first, "first")]
        assert broker.dequeue() == [(second, "second")]

    def test_gives_a_doorbell_to_one_broker_only(self, broker):
        broker.enqueue("only")
        assert len(broker.dequeue()) == 1
        assert DoorbellBroker().dequeue() == []

    def test_returns_nothing_where_nothing_waits(self, broker):
        assert [broker.dequeue(), broker.dequeue()] == [[], []]

    @pytest.mark.timeout(60)
    def test_looks_again_as_soon_as_another_connection_has_committed(self, broker, monkeypatch):
        monkeypatch.setattr(Conf, "POLL", 600)
        monkeypatch.setattr(queue, "_LISTEN_SECONDS", 600)

        def ring_elsewhere() -> None:
            time.sleep(0.2)  # by then the broker waits
            DoorbellBroker().enqueue("from elsewhere")
            connection.close()

        with ThreadPoolExecutor(1) as elsewhere:
            if connection.vendor == "postgresql":
                assert broker.dequeue() == []  # begins to listen
            ringing = elsewhere.submit(ring_elsewhere)
            assert broker.dequeue() == []
            ringing.result()
        assert [payload for _pk, payload in broker.dequeue()] == ["from elsewhere"]

    def test_forgets_an_acknowledged_doorbell(self, broker):
        broker.enqueue("done")
        ((pk, _payload),) = broker.dequeue()
        broker.acknowledge(pk)
        assert not OrmQ.objects.exists()

    def test_ignores_the_doorbells_of_another_cluster(self, broker):
        DoorbellBroker(list_key="somebody-else").enqueue("theirs")
        assert broker.dequeue() == []

    def test_outlives_a_lost_connection(self, broker, monkeypatch):
        broker.enqueue("later")

        def fail() -> None:
            raise OperationalError("server closed the connection unexpectedly")

        if connection.vendor == "postgresql":
            monkeypatch.setattr(broker, "_take_with_row_lock", fail)
            assert broker.dequeue() == []
            monkeypatch.undo()
        assert [payload for _pk, payload in broker.dequeue()] == ["later"]


class TestEnqueue:
    @pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL can notify")
    def test_wakes_listeners_when_it_commits(self, broker):
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as listener:
            listener.execute("LISTEN regatta_doorbell")
            with transaction.atomic():
                broker.enqueue("rolled back")
                transaction.set_rollback(True)
            assert list(listener.notifies(timeout=0.2)) == []
            broker.enqueue("committed")
            assert len(list(listener.notifies(timeout=10, stop_after=1))) == 1


class TestEnsureTick:
    def test_schedules_the_tick_once_a_minute_for_ever(self):
        queue.ensure_tick()
        queue.ensure_tick()
        schedule = Schedule.objects.get()
        assert (schedule.func, schedule.schedule_type, schedule.minutes, schedule.repeats) == (
            f"{tasks.tick.__module__}.{tasks.tick.__name__}",
            Schedule.MINUTES,
            1,
            -1,
        )

    def test_keeps_the_time_of_the_next_tick(self):
        queue.ensure_tick()
        planned = Schedule.objects.get().next_run
        queue.ensure_tick()
        assert Schedule.objects.get().next_run == planned

    def test_mends_what_two_supervisors_made_at_once(self):
        for _ in range(3):
            Schedule.objects.create(name="tick", func="syncjobs.tasks.tick")
        queue.ensure_tick()
        assert Schedule.objects.count() == 1

    def test_repairs_a_changed_schedule(self):
        Schedule.objects.create(name="tick", func="elsewhere", schedule_type=Schedule.ONCE, repeats=1)
        queue.ensure_tick()
        assert Schedule.objects.get().func == "syncjobs.tasks.tick"
