"""Jobs of tags that an event named, in a whole drain between two fake registries: the source has the last word."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from syncjobs import tasks
from syncjobs.models import EventAction, Execution, Job, Rule
from syncjobs.services import followers, pushes
from syncjobs.states import Status
from tests.factories import make_instance, make_rule
from tests.fakes import images
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db(transaction=True)

REPOSITORY = "team/app"
PUSH, DELETE = EventAction.PUSH, EventAction.DELETE


@pytest.fixture
def rule(rule: Rule) -> Rule:
    """Return the rule, which takes over deletions."""
    rule.sync_deletions = True
    rule.save()
    return rule


def work(rule: Rule, **actions: EventAction) -> Execution:
    """Open an execution for these tags and let a worker do what is due."""
    with transaction.atomic():
        pushes.enqueue(follower=followers.of_rule(rule), touched={REPOSITORY: actions}, now=timezone.now())
    return drain(rule)


def drain(rule: Rule) -> Execution:
    Job.objects.filter(status=Status.PENDING).update(not_before=timezone.now() - timedelta(seconds=1))
    tasks.drain()
    return rule.executions.latest("pk")


def outcomes(execution: Execution) -> dict[str, tuple[str, str]]:
    return {outcome.tag: (outcome.status, outcome.reason) for outcome in execution.outcomes.all()}


class TestPushedTags:
    def test_are_copied_and_no_others_are_looked_at(self, rule, source, target):
        for tag in ("v1", "v2"):
            images.push(images.image(tag), source, REPOSITORY, tag)
        execution = work(rule, v1=PUSH)
        assert (execution.status, execution.copied_count) == (Status.SUCCEEDED, 1)
        assert list(target.tags(REPOSITORY)) == ["v1"]
        assert source.count(path_regex="/tags/list|/_catalog|/manifests/v2") == 0

    def test_are_copied_at_the_digest_that_they_have_when_the_job_runs(self, rule, source, target):
        images.push(images.image("first"), source, REPOSITORY, "latest")
        with transaction.atomic():
            pushes.enqueue(
                follower=followers.of_rule(rule), touched={REPOSITORY: {"latest": PUSH}}, now=timezone.now()
            )
        latest = images.push(images.image("second"), source, REPOSITORY, "latest")
        drain(rule)
        assert target.tags(REPOSITORY) == {"latest": latest}

    def test_that_are_up_to_date_cost_two_requests(self, rule, source, target):
        images.push(images.image(), source, REPOSITORY, "v1")
        images.push(images.image(), target, REPOSITORY, "v1")
        execution = work(rule, v1=PUSH)
        assert (execution.up_to_date_count, execution.copied_count) == (1, 0)
        for registry in (source, target):
            assert [request.method for request in registry.requests] == ["HEAD"]

    def test_that_are_gone_are_skipped_and_fail_nothing(self, rule, source):
        images.push(images.image(), source, REPOSITORY, "v1")
        execution = work(rule, v1=PUSH, gone=PUSH)
        assert (execution.status, execution.copied_count, execution.skipped_count) == (Status.SUCCEEDED, 1, 1)
        assert outcomes(execution)["gone"] == ("skipped", "not_found")

    def test_that_miss_a_part_have_failed(self, rule, source):
        digest = images.push(images.image(layers=1), source, REPOSITORY, "v1")
        layer = next(iter(set(source.blobs(REPOSITORY)) - {digest}))
        source.delete_blob(REPOSITORY, layer)
        execution = work(rule, v1=PUSH)
        assert execution.status == Status.FAILED
        assert outcomes(execution)["v1"][0] == "failed"

    def test_that_vanish_between_two_attempts_are_skipped(self, rule, source, target):
        images.push(images.image(), source, REPOSITORY, "v1")
        target.stop()
        assert work(rule, v1=PUSH).status == Status.RUNNING
        source.delete_tag(REPOSITORY, "v1")
        target.start()
        execution = drain(rule)
        assert (execution.status, execution.skipped_count) == (Status.SUCCEEDED, 1)


class TestDeletedTags:
    @pytest.fixture(autouse=True)
    def synchronized(self, source, target):
        for tag in ("v1", "v2"):
            for registry in (source, target):
                images.push(images.image(tag), registry, REPOSITORY, tag)

    def test_are_deleted_at_the_target(self, rule, source, target):
        source.delete_tag(REPOSITORY, "v1")
        execution = work(rule, v1=DELETE)
        assert (execution.status, execution.deleted_count) == (Status.SUCCEEDED, 1)
        assert list(target.tags(REPOSITORY)) == ["v2"]
        assert outcomes(execution) == {"v1": ("deleted", "")}

    def test_that_the_source_still_has_stay(self, rule, target):
        execution = work(rule, v1=DELETE)
        assert (execution.status, execution.deleted_count, execution.up_to_date_count) == ("succeeded", 0, 1)
        assert set(target.tags(REPOSITORY)) == {"v1", "v2"}

    def test_that_came_back_as_something_else_are_copied_where_the_rule_overrides(self, rule, source, target):
        Rule.objects.update(override=True)
        new = images.push(images.image("new"), source, REPOSITORY, "v1")
        execution = work(rule, v1=DELETE)
        assert (execution.deleted_count, execution.copied_count) == (0, 1)
        assert target.tags(REPOSITORY)["v1"] == new

    def test_stay_while_the_source_does_not_say(self, rule, source, target):
        source.delete_tag(REPOSITORY, "v1")
        source.fault(Fault(method="HEAD", path="/manifests/v1", status=403, times=None))
        source.fault(Fault(method="GET", path="/manifests/v1", status=403, times=None))
        execution = work(rule, v1=DELETE)
        assert (execution.status, execution.reason) == (Status.FAILED, "forbidden")
        assert execution.jobs.get().reason_side == "source"
        assert set(target.tags(REPOSITORY)) == {"v1", "v2"}

    def test_go_together_with_pushed_ones(self, rule, source, target):
        source.delete_tag(REPOSITORY, "v1")
        images.push(images.image("v3"), source, REPOSITORY, "v3")
        execution = work(rule, v1=DELETE, v3=PUSH)
        assert (execution.deleted_count, execution.copied_count) == (1, 1)
        assert set(target.tags(REPOSITORY)) == {"v2", "v3"}

    def test_are_counted_once_when_one_of_them_needs_another_attempt(self, rule, source, target):
        for tag in ("v1", "v2"):
            source.delete_tag(REPOSITORY, tag)
        target.fault(Fault(method="DELETE", path="/manifests/v2", status=500, times=20))
        execution = work(rule, v1=DELETE, v2=DELETE)
        assert (execution.status, execution.deleted_count) == (Status.RUNNING, 1)
        target.faults.clear()

        execution = drain(rule)

        assert (execution.status, execution.deleted_count, execution.failed_count) == ("succeeded", 2, 0)
        assert target.tags(REPOSITORY) == {}

    def test_on_a_registry_that_deletes_by_digest_only_take_no_other_tag_along(self, source):
        with FakeRegistry.like_distribution() as target:
            for tag in ("v1", "same"):
                images.push(images.image("v1"), target, REPOSITORY, tag)
            instance = make_instance(endpoint_url=source.url)
            rule = make_rule(
                source=instance,
                target=make_instance(endpoint_url=target.url, account=instance.account),
                namespace="team",
                sync_deletions=True,
            )
            source.delete_tag(REPOSITORY, "v1")
            execution = work(rule, v1=DELETE)
            assert (execution.status, execution.reason) == (Status.FAILED, "tag_delete_unsupported")
            assert set(target.tags(REPOSITORY)) == {"v1", "same"}
