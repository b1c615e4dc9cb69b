from datetime import timedelta

import pytest
from django.utils import timezone

from registries.models import AccessCredential, Edition, Instance
from syncjobs.models import LagSample, Trigger
from syncjobs.queries import topology as module
from syncjobs.queries.topology import Tone, topology
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def account():
    return factories.make_account()


@pytest.fixture
def owner(account):
    return factories.make_user(account=account)


@pytest.fixture
def one(account):
    return factories.make_instance(account=account, name="one-instance", edition=Edition.PREMIUM)


@pytest.fixture
def two(account):
    region = factories.make_region("ap-singapore")
    return factories.make_instance(account=account, name="two-instance", region=region, health="healthy")


def edges(owner):
    return topology(owner, NOW).edges


class TestNodes:
    def test_are_what_the_user_may_see(self, owner, one, two):
        factories.make_instance(name="foreign-one")
        replica = factories.make_replica(primary=one)
        keys = [node.key for node in topology(owner, NOW).nodes]
        assert sorted(keys) == sorted([one.instance_id, two.instance_id, replica.replica_id])

    def test_have_the_tone_of_their_health(self, owner, one, two):
        Instance.objects.filter(pk=one.pk).update(health="unhealthy")
        tones = {node.key: node.tone for node in topology(owner, NOW).nodes}
        assert tones == {one.instance_id: Tone.ILL, two.instance_id: Tone.WELL}

    def test_tell_nothing_of_a_foreign_target_but_its_id(self, owner, one):
        rule = factories.make_cross_tenant_rule(source=one)
        (foreign,) = [node for node in topology(owner, NOW).nodes if node.region is None]
        assert (foreign.key, foreign.instance, foreign.tone) == (rule.target_instance_id, None, Tone.IDLE)
        (edge,) = edges(owner)
        assert not edge.is_cross_border

    def test_are_bounded_and_say_how_many_more_there_are(self, owner, account, monkeypatch):
        monkeypatch.setattr(module, "MOST_INSTANCES", 3)
        for _number in range(5):
            factories.make_instance(account=account)
        seen = topology(owner, NOW)
        assert (len(seen.nodes), seen.hidden_instance_count) == (3, 2)


class TestRuleEdges:
    def test_join_the_rules_between_two_instances(self, owner, one, two):
        for _number in range(3):
            factories.make_rule(source=one, target=two)
        (edge,) = edges(owner)
        assert (edge.source, edge.target, len(edge.rules)) == (one.instance_id, two.instance_id, 3)
        assert edge.tone is Tone.IDLE

    def test_have_the_tone_of_the_worst_rule(self, owner, one, two):
        for status in ("succeeded", "failed"):
            factories.make_execution(rule=factories.make_rule(source=one, target=two), status=status)
        assert edges(owner)[0].tone is Tone.ILL

    def test_forget_the_failures_of_a_disabled_rule(self, owner, one, two):
        rule = factories.make_rule(source=one, target=two, is_enabled=False)
        factories.make_execution(rule=rule, status="failed")
        assert edges(owner)[0].tone is Tone.IDLE

    def test_wait_for_a_next_attempt(self, owner, one, two):
        factories.make_execution(
            rule=factories.make_rule(source=one, target=two), status="running", next_attempt_at=NOW
        )
        assert edges(owner)[0].tone is Tone.LATE

    def test_wait_even_where_a_credential_was_disabled_meanwhile(self, owner, one):
        rule = factories.make_cross_tenant_rule(source=one, target=factories.make_instance())
        AccessCredential.objects.update(is_enabled=False)
        assert edges(owner)[0].tone is Tone.ILL
        factories.make_execution(rule=rule, status="running", next_attempt_at=NOW)
        assert edges(owner)[0].tone is Tone.LATE

    def test_mark_loops(self, owner, one, two):
        factories.make_rule(source=one, target=two, namespace="a")
        assert not edges(owner)[0].is_loop
        back = factories.make_rule(source=two, target=one, namespace="a")
        assert [edge.is_loop for edge in edges(owner)] == [True, True]
        back.is_enabled = False
        back.save()
        assert [edge.is_loop for edge in edges(owner)] == [False, False]

    def test_mark_what_crosses_a_border(self, owner, account, one, two):
        near = factories.make_instance(account=account, region=factories.make_region("ap-shanghai"))
        factories.make_rule(source=one, target=two)
        factories.make_rule(source=one, target=near)
        assert {edge.target: edge.is_cross_border for edge in edges(owner)} == {
            two.instance_id: True,
            near.instance_id: False,
        }

    def test_are_bounded_and_say_how_many_more_there_are(self, owner, one, two, monkeypatch):
        monkeypatch.setattr(module, "MOST_RULES", 2)
        for _number in range(5):
            factories.make_rule(source=one, target=two)
        seen = topology(owner, NOW)
        assert (len(seen.edges[0].rules), seen.hidden_rule_count) == (2, 3)


class TestReplicaEdges:
    @pytest.mark.parametrize(("seconds", "tone"), [(0, Tone.WELL), (600, Tone.LATE)])
    def test_have_the_tone_of_the_lag(self, owner, one, seconds, tone):
        replica = factories.make_replica(primary=one)
        LagSample.objects.create(
            replica=replica,
            sampled_at=NOW - timedelta(seconds=30),
            artifacts_behind=1,
            seconds_behind=seconds,
        )
        (edge,) = edges(owner)
        assert (edge.source, edge.target, edge.tone) == (one.instance_id, replica.replica_id, tone)

    def test_are_ill_after_a_failure_or_while_the_backend_is(self, owner, one):
        ill = factories.make_replica(primary=one, backend=factories.make_backend(health="unhealthy"))
        failing = factories.make_replica(primary=one)
        factories.make_execution(replica=failing, status="failed", trigger=Trigger.SWEEP)
        assert {edge.target: edge.tone for edge in edges(owner)} == {
            ill.replica_id: Tone.ILL,
            failing.replica_id: Tone.ILL,
        }


def test_asks_the_database_a_bounded_number_of_times(owner, account, django_assert_max_num_queries):
    source = factories.make_instance(account=account, edition=Edition.PREMIUM)
    for _number in range(10):
        factories.make_finished_execution(rule=factories.make_rule(source=source))
        factories.make_replica(primary=source)
    with django_assert_max_num_queries(13):
        topology(owner, NOW)
