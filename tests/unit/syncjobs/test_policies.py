"""When a rule may be triggered, and an execution stopped or retried."""

import pytest

from registries.models import Edition
from registries.policies import Refused
from syncjobs import policies, states
from syncjobs.models import Trigger
from syncjobs.policies import AlreadyRunning, RuleDisabled
from syncjobs.states import Status
from tests.factories import make_execution, make_instance, make_job, make_rule

pytestmark = pytest.mark.django_db

FINAL = sorted(states.FINAL)
ACTIVE = sorted(states.ACTIVE)
SCANS = [Trigger.MANUAL, Trigger.SCHEDULE, Trigger.SWEEP]


class TestCheckCanTrigger:
    def test_lets_an_enabled_rule_through(self):
        policies.check_can_trigger(make_rule())

    def test_refuses_a_disabled_one(self):
        with pytest.raises(RuleDisabled, match="Enable it"):
            policies.check_can_trigger(make_rule(is_enabled=False))

    def test_refuses_where_the_edition_holds_no_rules(self):
        with pytest.raises(Refused, match="standard or premium"):
            policies.check_can_trigger(make_rule(source=make_instance(edition=Edition.BASIC)))

    @pytest.mark.parametrize("trigger", SCANS)
    @pytest.mark.parametrize("status", ACTIVE)
    def test_refuses_while_a_scan_is_active_and_names_its_task(self, trigger, status):
        rule = make_rule()
        execution = make_execution(rule=rule, trigger=trigger, status=status)
        with pytest.raises(AlreadyRunning, match=f"Task {execution.pk} "):
            policies.check_can_trigger(rule)

    @pytest.mark.parametrize("status", FINAL)
    def test_does_not_mind_a_finished_scan(self, status):
        rule = make_rule()
        make_execution(rule=rule, status=status)
        policies.check_can_trigger(rule)

    def test_does_not_mind_pushes_under_way(self):
        rule = make_rule()
        make_execution(rule=rule, trigger=Trigger.PUSH, status=Status.RUNNING)
        policies.check_can_trigger(rule)

    def test_does_not_mind_the_scan_of_another_rule(self):
        policies.check_can_trigger(make_rule(source=make_execution().source))


class TestCheckCanStop:
    @pytest.mark.parametrize("status", ACTIVE)
    def test_lets_an_active_execution_be_stopped(self, status):
        policies.check_can_stop(make_execution(status=status))

    @pytest.mark.parametrize("status", FINAL)
    def test_refuses_a_finished_one(self, status):
        execution = make_execution(status=status)
        with pytest.raises(Refused, match=f"Task {execution.pk} has finished"):
            policies.check_can_stop(execution)


class TestCheckCanRetry:
    @pytest.mark.parametrize("status", [Status.FAILED, Status.STOPPED])
    def test_lets_failed_and_stopped_repositories_be_retried(self, status):
        job = make_job(execution=make_execution(status=status), status=status)
        policies.check_can_retry(job.execution)

    @pytest.mark.parametrize("status", ACTIVE)
    def test_refuses_an_execution_that_has_not_finished(self, status):
        execution = make_execution(status=status)
        make_job(execution=execution, status=Status.FAILED)
        with pytest.raises(Refused, match="has not finished"):
            policies.check_can_retry(execution)

    def test_refuses_where_nothing_failed(self):
        execution = make_execution(status=Status.SUCCEEDED)
        make_job(execution=execution, status=Status.SUCCEEDED)
        with pytest.raises(Refused, match="no failed repository"):
            policies.check_can_retry(execution)

    @pytest.mark.parametrize("trigger", SCANS)
    def test_refuses_while_another_scan_of_the_rule_is_active(self, trigger):
        old = make_execution(status=Status.FAILED)
        make_job(execution=old, status=Status.FAILED)
        new = make_execution(rule=old.rule, trigger=trigger, status=Status.RUNNING)
        with pytest.raises(AlreadyRunning, match=f"Task {new.pk} "):
            policies.check_can_retry(old)

    def test_lets_a_push_be_retried_beside_a_scan(self):
        old = make_execution(trigger=Trigger.PUSH, status=Status.FAILED)
        make_job(execution=old, status=Status.FAILED)
        make_execution(rule=old.rule, status=Status.RUNNING)
        policies.check_can_retry(old)

    def test_lets_a_scan_be_retried_beside_a_push(self):
        old = make_execution(status=Status.FAILED)
        make_job(execution=old, status=Status.FAILED)
        make_execution(rule=old.rule, trigger=Trigger.PUSH, status=Status.RUNNING)
        policies.check_can_retry(old)
