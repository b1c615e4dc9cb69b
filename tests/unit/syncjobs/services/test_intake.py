"""Events of registries become work for the rules that select them, and for no others."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections
from hypothesis import given
from hypothesis import strategies as st

from registries.models import Account, Edition, Instance
from syncjobs.matching import PatternError
from syncjobs.models import Execution, Job, OutcomeStatus, PushEvent, Queue, Rule, Trigger
from syncjobs.services import intake, pushes
from syncjobs.services.followers import Follower
from syncjobs.states import Status
from tests.factories import (
    make_access_credential,
    make_cross_tenant_rule,
    make_execution,
    make_finished_execution,
    make_instance,
    make_job,
    make_outcome,
    make_rule,
)
from tests.unit.syncjobs.services.events import (
    DELETE,
    NOW,
    PUSH,
    delete,
    digest,
    jobs_of,
    push,
    push_executions,
    tell,
    unhandled,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    return make_instance()


@pytest.fixture
def rule(source):
    return make_rule(source=source)


class TestReceive:
    def test_stores_what_the_registry_told(self, source):
        intake.receive(instance=source, notices=[push("project/app:v1", 7)], now=NOW)
        event = PushEvent.objects.get()
        assert (event.instance, event.action, event.repository, event.tag, event.digest) == (
            source,
            PUSH,
            "project/app",
            "v1",
            digest(7),
        )
        assert (event.received_at, event.handled_at) == (NOW, None)

    def test_drops_a_second_delivery(self, source, rule):
        notice = push("project/app:v1")
        assert tell(source, notice) == 1
        assert tell(source, notice) == 0
        assert len(jobs_of(rule)) == 1

    def test_takes_the_same_event_id_from_another_instance(self):
        notice = push("project/app:v1")
        for instance in (make_instance(), make_instance()):
            intake.receive(instance=instance, notices=[notice], now=NOW)
        assert PushEvent.objects.count() == 2


class TestHandle:
    def test_opens_one_interactive_job_for_the_pushed_tag(self, source, rule):
        tell(source, push("project/app:v1"))
        (execution,) = push_executions(rule)
        (job,) = jobs_of(rule)
        assert (execution.source, execution.status, execution.created_at) == (source, Status.PENDING, NOW)
        assert (execution.repository_count, execution.started_by) == (1, None)
        assert (job.kind, job.queue, job.account_id) == ("copy", Queue.INTERACTIVE, source.account_id)
        assert (job.source_repository, job.target_repository) == ("project/app", "project/app")
        assert (job.tags, job.deleted_tags, job.not_before) == (["v1"], [], NOW)

    def test_maps_to_the_target_namespace(self, source):
        rule = make_rule(source=source, target_namespace="mirror")
        tell(source, push("project/a/app:v1"))
        assert [job.target_repository for job in jobs_of(rule)] == ["mirror/a/app"]

    def test_serves_every_rule_that_selects_the_tag(self, source):
        by_tag = make_rule(source=source, tag="v*")
        by_repository = make_rule(source=source, repository="app")
        elsewhere = make_rule(source=source, namespace="other")
        wrong_tag = make_rule(source=source, tag="release-*")
        tell(source, push("project/app:v1"))
        assert [len(jobs_of(rule)) for rule in (by_tag, by_repository, elsewhere, wrong_tag)] == [1, 1, 0, 0]

    def test_serves_a_cross_tenant_rule(self, source):
        target = make_instance()
        make_access_credential(instance=target)
        rule = make_cross_tenant_rule(source=source, target=target)
        tell(source, push("project/app:v1"))
        assert len(jobs_of(rule)) == 1

    @pytest.mark.parametrize("change", [{"is_enabled": False}, {"is_push_triggered": False}])
    def test_leaves_a_rule_alone_that_does_not_listen(self, source, rule, change):
        Rule.objects.filter(pk=rule.pk).update(**change)
        tell(source, push("project/app:v1"))
        assert not Execution.objects.exists()
        assert unhandled() == 0

    def test_leaves_the_rules_of_a_basic_instance_alone(self, source, rule):
        Instance.objects.filter(pk=source.pk).update(edition=Edition.BASIC)
        tell(source, push("project/app:v1"))
        assert not Execution.objects.exists()

    def test_leaves_the_rules_of_a_switched_off_account_alone(self, source, rule):
        Account.objects.filter(pk=source.account_id).update(is_active=False)
        tell(source, push("project/app:v1"))
        assert not Execution.objects.exists()
        assert unhandled() == 0

    def test_leaves_the_rules_of_other_instances_alone(self, source, rule):
        tell(make_instance(), push("project/app:v1"))
        assert not Execution.objects.exists()

    def test_marks_events_as_handled_that_no_rule_wants(self, source):
        assert tell(source, push("project/app:v1")) == 1
        assert PushEvent.objects.get().handled_at == NOW

    def test_a_rule_that_cannot_be_read_does_not_hold_up_the_others(self, source, rule, monkeypatch, caplog):
        broken = make_rule(source=source, repository="(", syntax="regex")
        tell(source, push("project/app:v1"))
        assert (len(jobs_of(rule)), len(jobs_of(broken))) == (1, 0)
        assert PatternError.__name__ in caplog.text

    def test_pushes_of_one_tag_become_one_job(self, source, rule):
        tell(source, *(push("project/app:latest") for _ in range(10)))
        (job,) = jobs_of(rule)
        assert job.tags == ["latest"]

    def test_a_burst_of_500_becomes_one_execution_with_a_job_per_repository(self, source, rule):
        tell(source, *(push(f"project/app{n % 20}:v{n}") for n in range(500)))
        (execution,) = push_executions(rule)
        assert execution.repository_count == 20
        assert sorted(tag for job in jobs_of(rule) for tag in job.tags or ()) == sorted(
            f"v{n}" for n in range(500)
        )

    def test_a_burst_of_500_in_single_notices_becomes_one_execution_while_no_worker_takes_it(
        self, source, rule
    ):
        for number in range(500):
            tell(source, push(f"project/app:v{number}"))
        (job,) = jobs_of(rule)
        assert job.tags == [f"v{n}" for n in range(500)]
        assert job.not_before == NOW

    def test_handles_more_than_a_page(self, source, rule):
        assert tell(source, *(push(f"project/app:v{n}") for n in range(1200))) == 1200
        (job,) = jobs_of(rule)
        assert len(job.tags or ()) == 1200

    def test_costs_the_same_number_of_queries_for_many_events(
        self, source, rule, django_assert_max_num_queries
    ):
        intake.receive(instance=source, notices=[push(f"project/app{n}:v1") for n in range(400)], now=NOW)
        with django_assert_max_num_queries(40):
            intake.handle(instance_pk=source.pk, now=NOW)

    def test_returns_nothing_for_an_instance_that_is_gone(self):
        assert intake.handle(instance_pk=10**9, now=NOW) == 0


class TestDeletions:
    @pytest.fixture
    def rule(self, source):
        return make_rule(source=source, sync_deletions=True)

    def test_are_followed_only_where_the_rule_says_so(self, source, rule):
        other = make_rule(source=source)
        tell(source, delete("project/app:v1"))
        (job,) = jobs_of(rule)
        assert (job.tags, job.deleted_tags) == ([], ["v1"])
        assert jobs_of(other) == []

    def test_after_a_push_win(self, source, rule):
        tell(source, push("project/app:v1"), delete("project/app:v1"))
        (job,) = jobs_of(rule)
        assert (job.tags, job.deleted_tags) == ([], ["v1"])

    def test_before_a_push_lose(self, source, rule):
        tell(source, delete("project/app:v1"))
        tell(source, push("project/app:v1"))
        (job,) = jobs_of(rule)
        assert (job.tags, job.deleted_tags) == (["v1"], [])

    def test_of_a_tag_that_is_being_copied_wait_for_the_copy(self, source, rule):
        job = make_job(
            execution=make_execution(rule=rule, trigger=Trigger.PUSH, status=Status.RUNNING),
            source_repository="project/app",
            status=Status.RUNNING,
            tags=["v1"],
        )
        assert tell(source, delete("project/app:v1"), delete("project/app:v2")) == 1
        assert [job.deleted_tags for job in jobs_of(rule)] == [[], ["v2"]]

        Job.objects.filter(pk=job.pk).update(status=Status.SUCCEEDED, lease_token="", finished_at=NOW)
        assert intake.handle_waiting(now=NOW) == 1
        assert [job.deleted_tags for job in jobs_of(rule)] == [[], ["v2", "v1"]]

    def test_of_a_repository_that_is_being_scanned_wait_for_the_scan(self, source, rule):
        make_job(
            execution=make_execution(rule=rule, status=Status.RUNNING),
            source_repository="project/app",
            status=Status.RUNNING,
        )
        assert tell(source, delete("project/app:v1")) == 0
        assert unhandled() == 1

    def test_that_waited_are_forgotten_once_the_tag_was_pushed_again(self, source, rule):
        job = make_job(
            execution=make_execution(rule=rule, trigger=Trigger.PUSH, status=Status.RUNNING),
            source_repository="project/app",
            status=Status.RUNNING,
            tags=["v1"],
        )
        tell(source, delete("project/app:v1"))
        tell(source, push("project/app:v1"))
        Job.objects.filter(pk=job.pk).update(status=Status.SUCCEEDED, lease_token="", finished_at=NOW)

        assert intake.handle_waiting(now=NOW) == 1

        assert [(job.tags, job.deleted_tags) for job in jobs_of(rule)] == [(["v1"], []), (["v1"], [])]

    def test_spare_a_tag_that_the_rule_found_to_be_another(self, source, rule):
        scan = make_finished_execution(rule=rule)
        job = make_job(execution=scan, source_repository="project/app", status=Status.SUCCEEDED)
        make_outcome(job=job, tag="v1", status=OutcomeStatus.SKIPPED, reason="exists")
        make_outcome(job=job, tag="v2", status=OutcomeStatus.COPIED)
        tell(source, delete("project/app:v1"), delete("project/app:v2"))
        assert [job.deleted_tags for job in jobs_of(rule)][1:] == [["v2"]]

    def test_do_not_spare_what_the_last_scan_found_equal(self, source, rule):
        earlier = make_finished_execution(rule=rule)
        job = make_job(execution=earlier, source_repository="project/app", status=Status.SUCCEEDED)
        make_outcome(job=job, tag="v1", status=OutcomeStatus.SKIPPED, reason="exists")
        make_finished_execution(rule=rule)
        tell(source, delete("project/app:v1"))
        assert jobs_of(rule)[-1].deleted_tags == ["v1"]

    def test_take_another_tag_too_where_the_rule_overrides(self, source):
        rule = make_rule(source=source, sync_deletions=True, override=True)
        job = make_job(
            execution=make_finished_execution(rule=rule),
            source_repository="project/app",
            status=Status.SUCCEEDED,
        )
        make_outcome(job=job, tag="v1", status=OutcomeStatus.SKIPPED, reason="exists")
        tell(source, delete("project/app:v1"))
        assert jobs_of(rule)[-1].deleted_tags == ["v1"]


class TestEchoes:
    @pytest.fixture
    def pair(self, source):
        """Two instances that synchronize with each other, both of which send events."""
        other = make_instance(account=source.account)
        Instance.objects.update(sealed_hook_secret="sealed")
        there = make_rule(source=source, target=other, namespace="project", target_namespace="mirror")
        back = make_rule(source=other, target=source, namespace="mirror", target_namespace="project")
        return there, back

    def test_of_our_own_copies_open_nothing(self, pair):
        there, back = pair
        tell(there.source, push("project/app:v1", "same"))
        tell(back.source, push("mirror/app:v1", "same"))
        assert (len(push_executions(there)), len(push_executions(back))) == (1, 0)
        assert unhandled() == 0

    def test_are_told_from_pushes_of_something_else(self, pair):
        there, back = pair
        tell(there.source, push("project/app:v1", "first"))
        tell(back.source, push("mirror/app:v1", "second"))
        assert len(push_executions(back)) == 1

    def test_are_only_what_was_said_last(self, pair):
        there, back = pair
        for seed in ("first", "second"):
            tell(there.source, push("project/app:v1", seed))
        tell(back.source, push("mirror/app:v1", "first"))
        assert len(push_executions(back)) == 1

    def test_are_no_echoes_after_a_deletion(self, pair):
        there, back = pair
        tell(there.source, push("project/app:v1", "same"), delete("project/app:v1"))
        tell(back.source, push("mirror/app:v1", "same"))
        assert len(push_executions(back)) == 1

    def test_of_our_own_deletions_open_nothing(self, pair):
        there, back = pair
        Rule.objects.update(sync_deletions=True)
        tell(there.source, push("project/app:v1", "same"), delete("project/app:v1"))
        tell(back.source, delete("mirror/app:v1"))
        assert (len(push_executions(there)), len(push_executions(back))) == (1, 0)

    def test_without_a_digest_cannot_be_told(self, pair):
        there, back = pair
        for source, place in ((there.source, "project/app:v1"), (back.source, "mirror/app:v1")):
            tell(source, replace(push(place), digest=""))
        assert len(push_executions(back)) == 1

    def test_are_forgotten_after_a_while(self, pair):
        there, back = pair
        tell(there.source, push("project/app:v1", "same"), now=NOW - timedelta(minutes=16))
        tell(back.source, push("mirror/app:v1", "same"))
        assert len(push_executions(back)) == 1

    def test_do_not_break_a_chain_of_instances(self, source):
        middle, last = make_instance(account=source.account), make_instance(account=source.account)
        Instance.objects.update(sealed_hook_secret="sealed")
        make_rule(source=source, target=middle)
        onwards = make_rule(source=middle, target=last)
        tell(source, push("project/app:v1", "same"))
        tell(middle, push("project/app:v1", "same"))
        assert len(push_executions(onwards)) == 1

    def test_end_where_a_circle_of_three_closes(self, source):
        middle, last = make_instance(account=source.account), make_instance(account=source.account)
        Instance.objects.update(sealed_hook_secret="sealed")
        circle = [
            make_rule(source=here, target=there)
            for here, there in ((source, middle), (middle, last), (last, source))
        ]
        for rule in circle:
            tell(rule.source, push("project/app:v1", "same"))
        assert [len(push_executions(rule)) for rule in circle] == [1, 1, 0]


class TestSignatures:
    SEED = "signed"

    def signature(self) -> str:
        return digest(self.SEED).replace(":", "-") + ".sig"

    def test_follow_the_tag_that_they_sign_whatever_the_filter_says(self, source):
        rule = make_rule(source=source, tag="v*")
        tell(source, push("project/app:v1", self.SEED))
        tell(source, push(f"project/app:{self.signature()}"))
        (job,) = jobs_of(rule)
        assert job.tags == ["v1", self.signature()]

    def test_of_what_the_rule_does_not_select_stay(self, source):
        rule = make_rule(source=source, tag="v*")
        tell(source, push("project/app:nightly", self.SEED), push("project/other:v1", self.SEED))
        tell(source, push(f"project/app:{self.signature()}"))
        assert [job.source_repository for job in jobs_of(rule)] == ["project/other"]

    def test_stay_where_the_rule_leaves_attachments_out(self, source):
        rule = make_rule(source=source, tag="v*", with_referrers=False)
        tell(source, push("project/app:v1", self.SEED), push(f"project/app:{self.signature()}"))
        (job,) = jobs_of(rule)
        assert job.tags == ["v1"]


class TestHandleWaiting:
    def test_does_what_a_request_could_not(self, source, rule, monkeypatch):
        intake.receive(instance=source, notices=[push("project/app:v1")], now=NOW)
        assert intake.handle_waiting(now=NOW) == 1
        assert len(jobs_of(rule)) == 1
        assert intake.handle_waiting(now=NOW) == 0

    def test_a_failed_instance_does_not_hold_up_the_others(self, source, rule, monkeypatch, caplog):
        other = make_rule()
        for instance in (source, other.source):
            intake.receive(instance=instance, notices=[push("project/app:v1")], now=NOW)
        enqueue = pushes.enqueue

        def fail_for_one(*, follower: Follower, **given: object) -> None:
            if follower.source == source:
                raise OperationalError("deadlock detected")
            enqueue(follower=follower, **given)  # type: ignore[arg-type]

        monkeypatch.setattr(pushes, "enqueue", fail_for_one)
        assert intake.handle_waiting(now=NOW) == 1
        assert (unhandled(), len(jobs_of(other))) == (1, 1)
        monkeypatch.undo()
        assert intake.handle_waiting(now=NOW) == 1
        assert len(jobs_of(rule)) == 1


@given(
    words=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from([PUSH, DELETE])), min_size=1, max_size=12
    )
)
def test_the_last_word_about_each_tag_wins(words):
    tags: list[str] = []
    deleted: list[str] = []
    for tag, action in words:
        tags, deleted = pushes.merge(tags, deleted, {tag: action})
    last = dict(words)
    assert {*tags} == {tag for tag, action in last.items() if action == PUSH}
    assert {*deleted} == {tag for tag, action in last.items() if action == DELETE}
    assert len(tags) + len(deleted) == len(last)
    assert pushes.merge([], [], last) == (
        sorted(tags, key=list(last).index),
        sorted(deleted, key=list(last).index),
    )


@pytest.mark.django_db(transaction=True)
class TestInSeveralPlaces:
    def test_each_event_is_handled_once(self, source, rule):
        problems: list[BaseException] = []

        def send(worker: int) -> None:
            try:
                for number in range(10):
                    tell(source, push(f"project/app{number}:w{worker}"))
            except BaseException as error:
                problems.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert problems == []
        assert unhandled() == 0
        (execution,) = push_executions(rule)
        tags = {job.source_repository: sorted(job.tags or ()) for job in jobs_of(rule)}
        assert tags == {f"project/app{n}": ["w0", "w1", "w2", "w3"] for n in range(10)}
        assert execution.repository_count == 10
        assert connection.is_usable()
