"""Applying a file: idempotent, all or nothing, every problem at its line."""

import pytest

from registries.models import (
    Account,
    AuditEvent,
    Backend,
    Edition,
    Instance,
    Region,
    User,
)
from syncjobs.models import Rule
from tests.factories import make_account, make_rule, make_user
from tests.unit.console.apply.conftest import BASE, RULE, changed_fields, statuses

pytestmark = pytest.mark.django_db


class TestApply:
    def test_creates_everything_that_the_file_names(self, apply_text):
        report = apply_text(BASE + RULE)
        assert report.is_applied
        assert statuses(report) == dict.fromkeys(
            [
                "account 100000000001",
                "user alice@100000000001",
                "account 100000000002",
                "user bob@100000000002",
                "instance 100000000001/source",
                "instance 100000000001/mirror",
                "instance 100000000002/foreign",
                "credential 100000000002 for 100000000002/foreign",
                "rule 100000000001/source/nightly",
            ],
            "created",
        )
        rule = Rule.objects.get()
        assert rule.target
        assert rule.target.endpoint().password == "s3cret-of-robot"
        assert User.objects.get(username="alice").check_password("correct-horse-7")

    def test_finds_nothing_to_do_the_second_time(self, apply_text):
        apply_text(BASE + RULE)
        event_count = AuditEvent.objects.count()
        report = apply_text(BASE + RULE)
        assert set(statuses(report).values()) == {"unchanged"}
        assert AuditEvent.objects.count() == event_count

    def test_changes_what_differs_and_says_which_keys(self, apply_text):
        apply_text(BASE + RULE)
        report = apply_text(
            (BASE + RULE)
            .replace("name: Acme", "name: Acme Ltd")
            .replace("correct-horse-7", "another-horse-8", 1)
            .replace("s3cret-of-robot", "changed-secret")
            .replace("127.0.0.1:5003", "127.0.0.1:5004")
            .replace("s3cret-of-foreign", "changed-secret")
            .replace("target: mirror", "target: mirror\n    tag: v*\n    override: true\n    push: false")
        )
        assert changed_fields(report) == {
            "100000000001": ("name",),
            "alice@100000000001": ("password",),
            "100000000001/mirror": ("password",),
            "100000000002/foreign": ("endpoint",),
            "100000000002 for 100000000002/foreign": ("secret",),
            "100000000001/source/nightly": ("tag", "override", "push"),
        }

    def test_takes_back_what_a_rule_no_longer_says(self, apply_text):
        apply_text(BASE + RULE + "    tag: v*\n    enabled: false\n")
        apply_text(BASE + RULE)
        rule = Rule.objects.get()
        assert (rule.tag, rule.is_enabled) == ("", True)

    def test_leaves_objects_alone_that_the_file_does_not_name(self, apply_text):
        rule = make_rule(name="other")
        user = make_user()
        apply_text(BASE + RULE)
        assert Rule.objects.filter(pk=rule.pk).exists()
        assert User.objects.filter(pk=user.pk).exists()

    def test_keeps_what_files_cannot_say(self, apply_text):
        apply_text(BASE)
        Instance.objects.filter(name="source").update(is_deletion_protected=True, edition=Edition.PREMIUM)
        report = apply_text(BASE)
        assert set(statuses(report).values()) == {"unchanged"}
        assert Instance.objects.get(name="source").is_deletion_protected

    def test_saves_nothing_in_a_dry_run(self, apply_text):
        report = apply_text(BASE + RULE, is_dry_run=True)
        assert not report.is_applied
        assert set(statuses(report).values()) == {"created"}
        assert not Account.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_applies_every_key_of_a_rule(self, apply_text):
        apply_text(
            BASE
            + RULE
            + """\
    description: 夜间同步
    repository: app/**
    tag: 1.10
    syntax: pattern
    type: image
    target_namespace: mirrored
    flatten: true
    override: true
    referrers: false
    sync_deletions: true
    bandwidth: 10 MB/s
    push: false
    schedule: "0 3 * * *"
    time_zone: Asia/Shanghai
    retry_window: 12h
    enabled: false
"""
        )
        rule = Rule.objects.get()
        assert (rule.description, rule.repository, rule.tag) == ("夜间同步", "app/**", "1.10")
        assert (rule.syntax, rule.artifact_type, rule.target_namespace) == ("pattern", "image", "mirrored")
        assert (rule.is_flattened, rule.override, rule.with_referrers) == (True, True, False)
        assert (rule.sync_deletions, rule.bandwidth, rule.is_push_triggered) == (True, 10_000_000, False)
        assert (rule.schedule, rule.time_zone) == ("0 3 * * *", "Asia/Shanghai")
        assert (rule.retry_window_seconds, rule.is_enabled) == (43_200, False)

    def test_guesses_the_syntax_of_filters(self, apply_text):
        apply_text(BASE + RULE + "    tag: ^v\\d+$\n")
        assert Rule.objects.get().syntax == "regex"

    def test_warns_of_weak_passwords(self, apply_text):
        report = apply_text(BASE.replace("correct-horse-7", "weak", 1))
        assert [warning.path for warning in report.warnings] == ["accounts[0].users[0].password"]

    def test_creates_staff_regions_and_backends(self, apply_text):
        text = """\
staff: [{username: operator, password: correct-horse-7}]
regions:
  - {code: lab-1, numeric_id: 9001}
  - {code: ap-hongkong, jurisdiction: cn-mainland}
backends:
  - {code: main, region: lab-1, endpoint: backend.example.com, username: u, password: p, insecure: true}
"""
        assert statuses(apply_text(text))["region ap-hongkong"] == "changed"
        assert set(statuses(apply_text(text)).values()) == {"unchanged"}
        assert User.objects.get(login="operator").is_staff
        assert Region.objects.get(code="lab-1").jurisdiction == "lab-1"
        backend = Backend.objects.get()
        assert (backend.endpoint_url, backend.verify_tls) == ("https://backend.example.com", False)

    def test_reads_a_certificate_from_a_file_beside_it(self, refusal, tmp_path):
        (tmp_path / "ca.pem").write_text("no certificate")
        line = 'instances: [{name: abcde, account: "123456", region: ap-tokyo, endpoint: x.org, ca: %s}]\n'
        make_account(uin="123456")
        assert "instances[0].ca: This is not a certificate" in refusal(line % "ca.pem")[0]
        assert "instances[0].ca: The file “no.pem” cannot be read" in refusal(line % "no.pem")[0]

    def test_fixes_an_instance_id_and_finds_the_instance_by_it(self, apply_text):
        text = BASE.replace("{name: source,", "{name: source, instance_id: tcr-source01,")
        apply_text(text)
        report = apply_text(text.replace("name: source", "name: renamed"))
        assert changed_fields(report) == {"100000000001/renamed": ("name",)}
        assert Instance.objects.get(instance_id="tcr-source01").name == "renamed"
