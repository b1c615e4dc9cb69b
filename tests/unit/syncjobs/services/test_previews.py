"""Previews between two fake registries: they say what a run then does, and change nothing anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from registries.models import AccessCredential, AuditEvent, Edition, Instance
from registries.policies import Refused
from registries.transfer.graph import cosign_tags
from syncjobs import tasks
from syncjobs.models import ArtifactType, Execution, OutcomeStatus, Rule
from syncjobs.services import previews, rules
from syncjobs.services.previews import Action, Limits, Preview, Problem
from tests.factories import make_cross_tenant_rule, make_instance, make_rule, make_user
from tests.fakes import images
from tests.fakes.auth import BasicAuth
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db(transaction=True)

MIXTURES: list[dict[str, Any]] = [
    *({"artifact_type": kind, "override": override} for kind in ArtifactType for override in (True, False)),
    {"tag": "[v0-9]*"},
    {"tag": "[v0-9]*", "with_referrers": False},
    {"tag": "[v0-9]*", "artifact_type": "chart", "override": True},
    {"tag": "{v1,2.0.0,no-such-tag}", "artifact_type": "image"},
    {"tag": "v1", "override": True},
    {"tag": "v1", "repository": "{app,nowhere}"},
]
"""What a rule says besides where it goes: all types with and without override, and filters of each kind."""

WRITES = ("PUT", "POST", "PATCH", "DELETE")


@pytest.fixture
def foreign_rule(source: FakeRegistry, target: FakeRegistry) -> Rule:
    return make_cross_tenant_rule(
        source=make_instance(endpoint_url=source.url),
        target=make_instance(endpoint_url=target.url),
        namespace="team",
    )


def change(rule: Rule, **fields: Any) -> Rule:
    Rule.objects.filter(pk=rule.pk).update(**fields)
    return Rule.objects.select_related("source__account", "target__account").get(pk=rule.pk)


def look(rule: Rule, **more: Any) -> Preview:
    return previews.preview(rule=rule, **{"by": None, "now": timezone.now()} | more)


def counts(preview: Preview) -> dict[str, int]:
    return {action.value: count for action, count in preview.counts.items() if count}


def actions(preview: Preview) -> dict[str, str]:
    return {f"{line.source_repository}:{line.tag}": line.verdict.action.value for line in preview.lines}


def problem_of(preview: Preview) -> Problem:
    assert preview.problem is not None
    return preview.problem


def run(rule: Rule) -> Execution:
    execution = rules.trigger(rule=rule, by=None, now=timezone.now())
    tasks.drain()
    execution.refresh_from_db()
    return execution


def outcomes(execution: Execution) -> dict[str, str]:
    """Return what became of each tag, in the words of a preview."""
    words: dict[tuple[str, str], str] = {
        (OutcomeStatus.SKIPPED, "exists"): "keep",
        (OutcomeStatus.SKIPPED, "kind_not_selected"): "other_type",
    }
    return {
        f"{row.job.source_repository}:{row.tag}": words.get((row.status, row.reason), row.status)
        for row in execution.outcomes.select_related("job")
    }


def fill(source: FakeRegistry, target: FakeRegistry) -> None:
    """Put in what a rule may meet: new, same, other digests, charts, signatures, and two paths for one."""
    for tag in ("v1", "v2", "v10"):
        images.push(images.image(tag), source, "team/app", tag)
    images.push(images.image("v1"), target, "team/app", "v1")
    images.push(images.image("older"), target, "team/app", "v2")
    images.push(images.image("only-there"), target, "team/app", "gone")
    images.push(images.image("latest"), source, "team/single", "latest")
    images.push(images.multi_platform(), source, "team/new/deep", "v1")
    images.push(images.helm_chart(), source, "team/charts/web", "1.2.3")
    images.push(images.helm_chart("other"), source, "team/charts/web", "2.0.0")
    images.push(images.image("not-a-chart"), source, "team/charts/web", "image")
    images.push(images.helm_chart(), target, "team/charts/web", "1.2.3")
    images.push(images.image("x"), source, "team/x/tool", "v1")
    images.push(images.image("y"), source, "team/y/tool", "v1")
    images.push(images.image("elsewhere"), source, "other/app", "v1")
    for path, artifact in (
        ("team/app", images.image("v1")),
        ("team/app", images.image("v10")),
        ("team/charts/web", images.helm_chart("other")),
        ("team/charts/web", images.image("not-a-chart")),
    ):
        (signature,) = cosign_tags(artifact.digest)[:1]
        images.push(images.image(f"signature of {path}"), source, path, signature)


class TestPreview:
    @pytest.mark.parametrize("fields", MIXTURES, ids=str)
    def test_says_what_a_run_then_does(self, rule, source, target, fields):
        fill(source, target)
        rule = change(rule, is_flattened=True, target_namespace="team", **fields)
        images.push(images.image("app-in-flat"), target, "team/deep", "v1")

        preview = look(rule)
        execution = run(rule)

        assert preview.is_complete
        words = {"new": "copied", "replace": "copied", "attach": "copied", "fail": "failed"}
        told = {name: words.get(action, action) for name, action in actions(preview).items()}
        assert told == outcomes(execution)
        assert preview.copied_count == execution.copied_count
        assert preview.counts[Action.SAME] == execution.up_to_date_count
        assert preview.repository_count == execution.repository_count
        conflicting = {name for conflict in preview.conflicts for name in conflict.sources}
        refused = execution.jobs.filter(reason="target_collision")
        assert conflicting == {job.source_repository for job in refused}

    def test_after_a_run_says_that_all_is_the_same(self, rule, source, target):
        fill(source, target)
        rule = change(rule, override=True)
        run(rule)
        preview = look(rule)
        assert set(counts(preview)) == {"same"}
        assert preview.lines == ()

    def test_meets_every_action_in_the_mixtures(self, rule, source, target):
        fill(source, target)
        seen: set[str] = set()
        for fields in MIXTURES:
            usual = {"tag": "", "artifact_type": "both", "override": False}
            seen |= set(counts(look(change(rule, **usual | fields))))
        assert seen == {action.value for action in Action} - {Action.UNKNOWN.value}

    def test_tells_of_two_sources_for_one_target(self, rule, source, target):
        fill(source, target)
        (conflict,) = look(change(rule, is_flattened=True)).conflicts
        assert conflict.sources == ("team/x/tool", "team/y/tool")
        assert (conflict.target, conflict.reason) == ("team/tool", "target_collision")

    def test_shows_both_digests_of_what_would_be_replaced(self, rule, source, target):
        new = images.push(images.image("new"), source, "team/app", "v1")
        old = images.push(images.image("old"), target, "team/app", "v1")
        (line,) = look(change(rule, override=True)).lines
        assert line.verdict.action is Action.REPLACE
        assert (line.verdict.source_digest, line.verdict.target_digest) == (new, old)

    def test_names_no_digest_of_a_new_tag_whatever_was_asked(self, rule, source, target):
        for repository, tag in (("team/one", "v1"), ("team/two", "v1"), ("team/two", "v2")):
            images.push(images.image(f"{repository}:{tag}"), source, repository, tag)
        preview = look(rule)
        assert [line.verdict.action for line in preview.lines] == [Action.NEW] * 3
        assert not preview.has_digests

    def test_maps_paths_as_a_run_does(self, rule, source):
        images.push(images.image(), source, "team/a/b/app", "v1")
        (line,) = look(change(rule, is_flattened=True, target_namespace="flat")).lines
        assert (line.source_repository, line.target_repository) == ("team/a/b/app", "flat/app")

    def test_says_that_a_named_tag_is_not_there(self, rule, source):
        images.push(images.image(), source, "team/app", "v1")
        preview = look(change(rule, repository="app", tag="v2"))
        assert counts(preview) == {"fail": 1}
        assert preview.lines[0].verdict.reason == "not_found"

    def test_of_a_rule_that_is_not_stored_needs_no_row(self, rule, source):
        images.push(images.image(), source, "team/app", "v1")
        draft = Rule(source=rule.source, target=rule.target, namespace="team")
        assert counts(look(draft)) == {"new": 1}

    def test_works_for_a_disabled_rule(self, rule, source):
        images.push(images.image(), source, "team/app", "v1")
        assert counts(look(change(rule, is_enabled=False))) == {"new": 1}


class TestRequests:
    def test_write_nothing_and_read_no_blob(self, rule, source, target):
        fill(source, target)
        look(change(rule, override=True, artifact_type="chart"))
        for registry in (source, target):
            assert registry.requests
            assert not [one for one in registry.requests if one.method in WRITES]
            assert not registry.count(None, "/blobs/")

    def test_ask_nothing_about_a_tag_that_the_target_does_not_list(self, rule, source, target):
        for number in range(20):
            images.push(images.image(number), source, "team/app", f"v{number}")
        assert counts(look(rule)) == {"new": 20}
        assert not source.count(None, "/manifests/")
        assert not target.count(None, "/manifests/")

    def test_cost_one_head_on_each_side_for_a_tag_on_both(self, rule, source, target):
        for registry in (source, target):
            for number in range(20):
                images.push(images.image(number), registry, "team/app", f"v{number}")
        assert counts(look(rule)) == {"same": 20}
        for registry in (source, target):
            assert registry.count("HEAD", "/manifests/") == 20
            assert not registry.count("GET", "/manifests/")

    def test_read_a_manifest_only_where_its_type_decides(self, rule, source, target):
        fill(source, target)
        look(change(rule, artifact_type="image", override=False))
        read = {one.path for one in source.requests_of("GET", "/manifests/")}
        assert "/v2/team/app/manifests/v10" in read
        assert "/v2/team/app/manifests/v1" not in read
        assert not target.count("GET", "/manifests/")

    def test_leave_the_catalogue_alone_if_the_filter_names_repositories(self, rule, source):
        images.push(images.image(), source, "team/app", "v1")
        look(change(rule, repository="app"))
        assert not source.count(None, "_catalog")

    def test_change_nothing_in_the_database(self, rule, source, target):
        fill(source, target)
        before = Rule.objects.values().get(pk=rule.pk)
        look(rule)
        assert Rule.objects.values().get(pk=rule.pk) == before
        assert not Execution.objects.exists()
        assert not AuditEvent.objects.exists()


class TestLimits:
    @pytest.fixture
    def full(self, source, target):
        for path in ("team/a", "team/b", "team/c"):
            for tag in ("v1", "v2", "v3"):
                images.push(images.image(tag), source, path, tag)
                images.push(images.image(tag), target, path, tag)

    def test_count_the_tags_that_were_not_compared(self, rule, full, source):
        preview = look(rule, limits=Limits(comparisons=4))
        assert counts(preview) == {"same": 4, "not_compared": 5}
        assert not preview.is_complete
        assert source.count("HEAD", "/manifests/") == 4

    def test_count_the_repositories_whose_tags_were_not_listed(self, rule, full, source):
        preview = look(rule, limits=Limits(repositories=1))
        assert (preview.repository_count, preview.unlisted_count) == (3, 2)
        assert counts(preview) == {"same": 3}
        assert not preview.is_complete
        assert source.count("GET", "/tags/list") == 1

    def test_bound_the_names_that_are_held(self, rule, full):
        preview = look(rule, limits=Limits(names=12))
        assert preview.repository_count == 3
        assert preview.unlisted_count
        assert not preview.is_complete

    def test_say_that_the_catalogue_was_longer(self, rule, source):
        source.options.page_size = 2
        for number in range(6):
            images.push(images.image(), source, f"team/r{number}", "v1")
        preview = look(rule, limits=Limits(names=4))
        assert not preview.is_listed_whole
        assert not preview.is_complete

    def test_keep_what_was_found_when_the_time_is_over(self, rule, full, target):
        gate = Gate()
        target.fault(Fault(method="HEAD", path="/team/b/manifests/", gate=gate, times=None))
        try:
            preview = look(rule, limits=Limits(seconds=1.0))
        finally:
            gate.open()
        assert counts(preview) == {"same": 6, "not_compared": 3}
        assert preview.problem is None

    def test_end_a_catalogue_that_does_not_answer(self, rule, full, source):
        gate = Gate()
        source.fault(Fault(path="_catalog", gate=gate))
        try:
            preview = look(rule, limits=Limits(listing_seconds=0.3))
        finally:
            gate.open()
        assert not preview.is_listed_whole
        assert not preview.is_complete

    def test_refuse_a_preview_too_many(self, rule, monkeypatch):
        monkeypatch.setattr(previews._turns, "acquire", lambda blocking: False)
        with pytest.raises(Refused, match="under way"):
            look(rule)


class TestProblems:
    def test_of_a_catalogue_that_is_refused(self, rule, source):
        source.fault(Fault(path="_catalog", status=403, body=b"no catalogue for you", times=None))
        preview = look(rule)
        assert (problem_of(preview).code, problem_of(preview).side) == ("forbidden", "source")
        assert "no catalogue for you" in problem_of(preview).detail
        assert not preview.is_complete

    def test_of_a_target_that_is_down(self, rule, source, target):
        fill(source, target)
        target.stop()
        preview = look(rule)
        assert (problem_of(preview).code, problem_of(preview).side) == ("unreachable", "target")
        assert not preview.is_complete

    def test_of_a_rejected_password_never_show_it(self, target):
        auth = BasicAuth("robot", "right")
        with FakeRegistry(auth=auth) as registry:
            instance = make_instance(endpoint_url=registry.url, username="robot", password="wrong-one")
            other = make_instance(endpoint_url=target.url, account=instance.account)
            preview = look(make_rule(source=instance, target=other, namespace="team"))
        assert (problem_of(preview).code, problem_of(preview).side) == ("unauthorized", "source")
        assert "wrong-one" not in str(preview)

    def test_of_one_repository_leave_the_others_alone(self, rule, source):
        images.push(images.image(), source, "team/a", "v1")
        images.push(images.image(), source, "team/b", "v1")
        source.fault(Fault(path="/team/a/tags/list", status=403, times=None))
        preview = look(rule)
        assert (problem_of(preview).code, problem_of(preview).repository) == ("forbidden", "team/a")
        assert preview.unlisted_count == 1
        assert counts(preview) == {"new": 1}

    def test_of_a_secret_that_does_not_open(self, rule):
        username = {"username": "robot"}
        instance = make_instance(account=rule.source.account, **username)
        instance.credential.sealed_password = "v1:broken"
        instance.credential.save()
        preview = look(change(rule, source=instance))
        assert problem_of(preview).code == "secret_unreadable"


class TestCrossTenant:
    def test_says_what_a_run_would_do_without_the_digests_of_the_target(self, foreign_rule, source, target):
        images.push(images.image("new"), source, "team/app", "v1")
        old = images.push(images.image("old"), target, "team/app", "v1")
        preview = look(foreign_rule)
        assert counts(preview) == {"keep": 1}
        assert old not in str(preview)

    def test_checks_the_credential_before_it_asks_anybody(self, foreign_rule, source, target):
        AccessCredential.objects.update(is_enabled=False)
        preview = look(foreign_rule)
        assert (problem_of(preview).code, problem_of(preview).side) == ("credential_disabled", "target")
        assert not source.requests
        assert not target.requests

    def test_knows_a_credential_that_is_gone(self, foreign_rule):
        AccessCredential.objects.all().delete()
        assert problem_of(look(foreign_rule)).code == "credential_rejected"

    @pytest.mark.parametrize("status", [401, 403, 429, 500])
    def test_has_the_same_words_for_whatever_the_target_says(self, foreign_rule, source, target, status):
        images.push(images.image("a"), source, "team/app", "v1")
        images.push(images.image("b"), source, "team/app", "v2")
        target.fault(Fault(path="/v2/", status=status, body=b"host db-7.internal says no", times=None))
        preview = look(foreign_rule)
        self.assert_uniform(preview, target)

    def test_has_the_same_words_for_a_target_that_is_down(self, foreign_rule, source, target):
        images.push(images.image("a"), source, "team/app", "v1")
        target.stop()
        self.assert_uniform(look(foreign_rule), target)

    def assert_uniform(self, preview: Preview, target: FakeRegistry) -> None:
        problem = problem_of(preview)
        assert (problem.code, problem.side, problem.detail) == ("target_unreadable", "target", "")
        assert "db-7" not in str(preview)
        assert str(target.port) not in str(preview)

    def test_of_a_rule_that_is_not_stored_checks_the_password_that_it_brings(self, foreign_rule, source):
        images.push(images.image(), source, "team/app", "v1")
        draft = Rule(
            source=foreign_rule.source,
            target=foreign_rule.target,
            namespace="team",
            is_cross_tenant=True,
            target_instance_id=foreign_rule.target_instance_id,
            target_username=foreign_rule.target_username,
        )
        assert problem_of(look(draft, secret="guessed")).code == "credential_rejected"
        assert not source.requests
        assert counts(look(draft, secret=foreign_rule.open_target_password())) == {"new": 1}


class TestPermission:
    def test_is_that_of_a_trigger(self, rule, source):
        viewer = make_user(account=rule.source.account, role="viewer")
        with pytest.raises(PermissionDenied):
            look(rule, by=viewer)
        assert not source.requests

    def test_is_not_that_of_another_tenant(self, rule):
        stranger = make_user()
        with pytest.raises(PermissionDenied):
            look(rule, by=stranger)

    def test_needs_an_edition_with_rules(self, rule):
        Instance.objects.filter(pk=rule.source_id).update(edition=Edition.BASIC)
        with pytest.raises(Refused, match="basic"):
            look(change(rule))

    def test_of_a_rule_that_is_not_stored_reads_no_target_that_a_rule_could_not_have(self, rule, source):
        foreign = make_instance()
        with pytest.raises(Refused, match="another account"):
            look(Rule(source=rule.source, target=foreign, namespace="team"))
        draft = Rule(source=rule.source, target=foreign, namespace="team")
        owner = make_user(account=rule.source.account, role="owner")
        with pytest.raises(PermissionDenied):
            look(draft, by=owner)
        assert not source.requests
