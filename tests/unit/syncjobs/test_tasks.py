"""The tick does all periodic work, and no part of it depends on another."""

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from syncjobs import tasks
from syncjobs.models import Execution, PushEvent, Trigger
from syncjobs.services import intake, retention, schedules
from tests.factories import make_job, make_rule
from tests.unit.syncjobs.services.events import push

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def due():
    """A rule for each periodic act, and an event that nobody has handled."""
    now = timezone.now()
    make_rule(name="cron", schedule="* * * * *", next_run_at=now, is_push_triggered=False)
    make_rule(name="poll", poll_interval_seconds=60, is_push_triggered=False)
    make_rule(name="sweep", next_sweep_at=now)
    pushed = make_rule(name="push", sweep_interval_seconds=0)
    intake.receive(instance=pushed.source, notices=[push("project/app:v1")], now=now)


def started() -> dict[str, str]:
    return dict(Execution.objects.values_list("rule__name", "trigger"))


class TestTick:
    def test_starts_everything_that_is_due(self, due):
        tasks.tick()
        assert started() == {
            "cron": Trigger.SCHEDULE,
            "poll": Trigger.POLL,
            "sweep": Trigger.SWEEP,
            "push": Trigger.PUSH,
        }

    def test_is_safe_to_repeat(self, due):
        tasks.tick()
        tasks.tick()
        assert Execution.objects.count() == 4

    def test_goes_on_when_a_part_fails(self, due, monkeypatch, caplog):
        def fail(**_given: object) -> int:
            raise RuntimeError("out of order")

        monkeypatch.setattr(schedules, "start_due_rules", fail)
        monkeypatch.setattr(retention, "prune", fail)
        tasks.tick()
        assert set(started()) == {"poll", "sweep", "push"}
        assert len([record for record in caplog.records if record.name == "syncjobs.tasks"]) == 2
        assert not PushEvent.objects.filter(handled_at=None).exists()

    def test_rings_for_due_work_that_nobody_was_woken_for(self):
        make_job()
        tasks.tick()
        assert OrmQ.objects.count() == 1

    def test_is_silent_when_nothing_is_due(self):
        tasks.tick()
        assert not OrmQ.objects.exists()
