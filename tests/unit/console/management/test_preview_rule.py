"""`manage.py preview_rule`: exit codes and output."""

import pytest

from registries.models import Edition, Instance
from syncjobs.models import Execution
from tests.factories import make_account, make_instance, make_rule
from tests.fakes import images
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def target():
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def rule(source, target):
    account = make_account(uin="100000000001")
    instance = make_instance(name="source", account=account, endpoint_url=source.url)
    other = make_instance(name="target", account=account, endpoint_url=target.url)
    return make_rule(name="nightly", source=instance, target=other, namespace="team", target_namespace="copy")


class TestPreview:
    def test_prints_counts_and_tags(self, run, rule, source, target):
        images.push(images.image("a"), source, "team/app", "v1")
        images.push(images.image("b"), source, "team/app", "v2")
        images.push(images.image("c"), target, "copy/app", "v2")
        result = run("preview_rule", "source/nightly")
        assert result.code == 0
        assert result.output.splitlines() == [
            "repositories  1",
            "tags          1 new, 1 keep",
            "  new         team/app:v1 -> copy/app:v1",
            "  keep        team/app:v2 -> copy/app:v2",
        ]
        assert not Execution.objects.exists()

    def test_prints_one_json_object(self, run, rule, source, target):
        new = images.push(images.image("a"), source, "team/app", "v1")
        old = images.push(images.image("b"), target, "copy/app", "v1")
        document = run("preview_rule", "source/nightly", "--json").document
        assert document["is_complete"] is True
        assert document["tags"]["keep"] == 1
        assert document["lines"] == [
            {
                "source": "team/app:v1",
                "target": "copy/app:v1",
                "action": "keep",
                "source_digest": new,
                "target_digest": old,
                "reason": "exists",
            }
        ]

    def test_prints_conflicts(self, run, rule, source):
        type(rule).objects.filter(pk=rule.pk).update(is_flattened=True)
        for path in ("team/a/app", "team/b/app"):
            images.push(images.image(path), source, path, "v1")
        output = run("preview_rule", "source/nightly").output
        assert "conflict    team/a/app, team/b/app -> copy/app" in output


class TestEnd:
    def test_is_1_if_a_registry_refuses(self, run, rule, source):
        source.options.catalog_status = 403
        result = run("preview_rule", "source/nightly")
        assert result.code == 1
        assert "Source: The stored account may not do this at the registry." in result.errors

    def test_is_2_for_an_unknown_rule(self, run, rule):
        assert run("preview_rule", "source/weekly").code == 2

    def test_is_2_if_the_edition_has_no_rules(self, run, rule):
        Instance.objects.update(edition=Edition.BASIC)
        result = run("preview_rule", "source/nightly")
        assert result.code == 2
        assert "basic" in result.errors
