"""`manage.py trigger_rule`: exit codes and output."""

import pytest
from django.utils import timezone

from registries.models import Edition
from syncjobs.models import Execution
from syncjobs.states import Status
from tests.factories import make_account, make_execution, make_instance, make_rule, make_worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule():
    source = make_instance(
        name="source", instance_id="tcr-source01", account=make_account(uin="100000000001")
    )
    return make_rule(name="nightly", source=source)


@pytest.fixture
def finish(monkeypatch):
    """Return a function that has a worker finish the execution while the command waits for the first time."""

    def finish(status, **changes) -> None:
        def work(_seconds) -> None:
            Execution.objects.update(
                status=status, started_at=timezone.now(), finished_at=timezone.now(), **changes
            )

        monkeypatch.setattr("time.sleep", work)

    return finish


class TestTrigger:
    @pytest.mark.parametrize(
        "name", ["source/nightly", "tcr-source01/nightly", "100000000001/source/nightly"]
    )
    def test_starts_the_rule(self, run, rule, name):
        result = run("trigger_rule", name)
        assert result.code == 0
        execution = Execution.objects.get()
        assert execution.rule == rule
        assert result.output == f"Task {execution.pk}: pending\n"

    def test_prints_one_json_object(self, run, rule):
        document = run("trigger_rule", "source/nightly", "--json").document
        assert document["task_id"] == Execution.objects.get().pk
        assert document["status"] == "pending"
        assert document["duration_seconds"] is None
        assert document["success_ratio"] is None


class TestWait:
    def test_ends_with_zero_when_it_succeeded(self, run, rule, finish):
        finish(Status.SUCCEEDED, repository_count=2, succeeded_repository_count=2, copied_count=3)
        result = run("trigger_rule", "source/nightly", "--wait")
        assert result.code == 0
        assert "succeeded" in result.output
        assert "2, 100% without failures" in result.output
        assert "3 copied" in result.output

    @pytest.mark.parametrize("status", [Status.FAILED, Status.STOPPED])
    def test_ends_with_one_when_it_did_not(self, run, rule, finish, status):
        finish(status, reason="credential_rejected")
        result = run("trigger_rule", "source/nightly", "--wait")
        assert result.code == 1
        assert "no longer accepts the credential" in result.output

    def test_prints_the_outcome_as_json(self, run, rule, finish):
        finish(
            Status.FAILED,
            repository_count=4,
            succeeded_repository_count=3,
            failed_repository_count=1,
            copied_count=5,
            up_to_date_count=6,
            skipped_count=7,
            failed_count=8,
            bytes_copied=9,
        )
        result = run("trigger_rule", "source/nightly", "--wait", "--json")
        assert result.code == 1
        document = result.document
        assert document["status"] == "failed"
        assert document["success_ratio"] == 0.75
        assert document["repository_count"] == 4
        assert document["tags"] == {"copied": 5, "up_to_date": 6, "skipped": 7, "failed": 8}
        assert document["bytes_copied"] == 9
        assert document["duration_seconds"] >= 0

    def test_gives_up_after_the_timeout(self, run, rule):
        result = run("trigger_rule", "source/nightly", "--wait", "--timeout", "0")
        assert result.code == 1
        assert "has not finished after 0 seconds" in result.errors

    def test_mentions_that_no_worker_runs(self, run, rule, finish):
        finish(Status.SUCCEEDED)
        assert "No worker has reported" in run("trigger_rule", "source/nightly", "--wait").errors

    def test_says_nothing_of_workers_that_run(self, run, rule, finish):
        make_worker()
        finish(Status.SUCCEEDED)
        assert run("trigger_rule", "source/nightly", "--wait").errors == ""


class TestRefusal:
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("source/hourly", "The instance source has no rule “hourly”. It has: nightly."),
            ("target/nightly", "There is no such instance: “target”."),
            ("tcr-nowhere1/nightly", "There is no such instance: “tcr-nowhere1”."),
            ("100000000009/source/nightly", "There is no such instance: “source” in account 100000000009."),
            ("nightly", "Write INSTANCE/RULE"),
            ("source/", "Write INSTANCE/RULE"),
            ("/nightly", "Write INSTANCE/RULE"),
        ],
    )
    def test_does_not_know_the_rule(self, run, rule, name, message):
        result = run("trigger_rule", name)
        assert result.code == 2
        assert message in result.errors
        assert not Execution.objects.exists()

    def test_asks_which_instance_is_meant(self, run, rule):
        other = make_instance(name="source", account=make_account(uin="100000000002"))
        result = run("trigger_rule", "source/nightly")
        assert result.code == 2
        assert (
            f"100000000001/source (tcr-source01), 100000000002/source ({other.instance_id})" in result.errors
        )

    def test_refuses_a_disabled_rule(self, run, rule):
        rule.is_enabled = False
        rule.save()
        result = run("trigger_rule", "source/nightly", "--wait")
        assert result.code == 2
        assert "The rule is disabled." in result.errors

    def test_refuses_a_rule_that_is_running(self, run, rule):
        active = make_execution(rule=rule, status=Status.RUNNING)
        result = run("trigger_rule", "source/nightly")
        assert result.code == 2
        assert f"Task {active.pk}" in result.errors

    def test_refuses_a_basic_instance(self, run, rule):
        rule.source.edition = Edition.BASIC
        rule.source.save()
        assert run("trigger_rule", "source/nightly").code == 2
