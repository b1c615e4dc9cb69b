"""Rules to instances of other accounts, and the credentials that they need."""

import pytest
import time_machine

from registries.models import AccessCredential, AuditEvent
from syncjobs.models import Rule
from tests.unit.console.apply.conftest import BASE, RULE, changed_fields, statuses

pytestmark = pytest.mark.django_db


class TestCrossTenant:
    @pytest.mark.parametrize(
        "target",
        [
            'target: foreign\n    target_account: "100000000002"',
            "target: foreign\n    target_username: 100000000002",
            "target: 100000000002/foreign",
            "target: tcr-foreign1\n    target_account: 100000000002",
            "target: tcr-foreign1\n    target_username: 100000000002",
        ],
    )
    def test_accepts_both_forms_of_the_credential(self, apply_text, target):
        text = BASE.replace("name: foreign", "name: foreign, instance_id: tcr-foreign1")
        rule = RULE.replace("target: mirror", f"{target}\n    target_password: s3cret-of-foreign")
        apply_text(text + rule)
        saved = Rule.objects.get()
        assert saved.is_cross_tenant
        assert saved.target_username == "100000000002"
        assert set(statuses(apply_text(text + rule)).values()) == {"unchanged"}

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("tcr-foreign1\n", "tcr-nowhere1\n"),
            ("target_password: s3cret-of-foreign", "target_password: wrong"),
            ("namespace: project\n    target: tcr", "namespace: elsewhere\n    target: tcr"),
        ],
    )
    def test_says_the_same_whatever_is_wrong(self, refusal, old, new):
        text = BASE.replace("name: foreign", "name: foreign, instance_id: tcr-foreign1")
        rule = RULE.replace(
            "target: mirror",
            "target: tcr-foreign1\n    target_account: 100000000002\n    target_password: s3cret-of-foreign",
        )
        assert refusal((text + rule).replace(old, new)) == [
            "f:23: rules[0].target_password: "
            "The target instance, username or password is wrong, or may not push to this namespace."
        ]

    def test_refuses_a_service_level_account(self, refusal):
        rule = RULE.replace(
            "target: mirror",
            "target: foreign\n    target_account: 100000000002\n    target_username: tcr$bob",
        )
        (problem,) = refusal(BASE + rule + "    target_password: x\n")
        assert problem.startswith("f:23: rules[0].target_username: A service-level account")

    def test_treats_its_own_account_as_no_other(self, apply_text):
        apply_text(BASE + RULE + "    target_account: 100000000001\n")
        assert not Rule.objects.get().is_cross_tenant

    def test_asks_for_the_password(self, refusal):
        (problem,) = refusal(BASE + RULE.replace("target: mirror", "target: 100000000002/foreign"))
        assert problem == "f:18: rules[0].target_password: Enter the password."

    def test_keeps_a_stored_password_that_the_file_no_longer_holds(self, apply_text):
        rule = RULE.replace("target: mirror", "target: 100000000002/foreign\n")
        apply_text(BASE + rule + "    target_password: s3cret-of-foreign\n")
        assert set(statuses(apply_text(BASE + rule)).values()) == {"unchanged"}

    def test_changes_credential_and_rule_together(self, apply_text):
        rule = RULE.replace("target: mirror", "target: 100000000002/foreign\n")
        text = BASE + rule + "    target_password: s3cret-of-foreign\n"
        apply_text(text)
        report = apply_text(text.replace("s3cret-of-foreign", "s3cret-of-tomorrow"))
        assert changed_fields(report) == {
            "100000000002 for 100000000002/foreign": ("secret",),
            "100000000001/source/nightly": ("target_password",),
        }

    def test_issues_in_the_name_of_the_platform(self, apply_text):
        apply_text(BASE)
        assert AccessCredential.objects.get().created_by is None
        assert {event.actor for event in AuditEvent.objects.all()} == {None}

    def test_gives_service_accounts_their_permissions(self, apply_text):
        text = (
            BASE
            + "  - {instance: foreign, username: robot, secret: x, permissions: ['project: push', '*: pull']}\n"
        )
        apply_text(text)
        robot = AccessCredential.objects.get(kind="service")
        assert robot.permissions == {"project": ["push"], "*": ["pull"]}
        assert set(statuses(apply_text(text)).values()) == {"unchanged"}

    def test_keeps_on_applying_a_file_whose_credential_has_expired(self, apply_text, refusal):
        text = BASE.replace("namespaces: [project]", "expires_at: '2030-01-01T00:00:00+00:00'")
        apply_text(text)
        with time_machine.travel("2031-01-01", tick=False):
            assert set(statuses(apply_text(text)).values()) == {"unchanged"}
            AccessCredential.objects.all().delete()
            (problem,) = refusal(text)
        assert "credentials[0].expires_at: This time has passed." in problem

    def test_issues_service_accounts(self, apply_text):
        text = BASE + "  - {instance: foreign, username: robot, secret: s3cret-of-robot}\n"
        apply_text(text)
        assert set(statuses(apply_text(text)).values()) == {"unchanged"}
        assert AccessCredential.objects.filter(username="tcr$robot", kind="service").count() == 1


class TestSecretFile:
    TEXT = BASE.replace("secret: s3cret-of-foreign", "secret_file: foreign.secret")

    def test_receives_a_generated_secret_that_only_its_owner_may_read(self, apply_text, tmp_path):
        report = apply_text(self.TEXT)
        path = tmp_path / "foreign.secret"
        secret = path.read_text().strip()
        assert AccessCredential.objects.get().has_secret(secret)
        assert path.stat().st_mode & 0o777 == 0o600
        assert secret not in str(report)

    def test_is_left_alone_by_the_second_run(self, apply_text, tmp_path):
        apply_text(self.TEXT)
        before = (tmp_path / "foreign.secret").read_text()
        assert set(statuses(apply_text(self.TEXT)).values()) == {"unchanged"}
        assert (tmp_path / "foreign.secret").read_text() == before

    def test_is_not_written_by_a_dry_run(self, apply_text, tmp_path):
        apply_text(self.TEXT, is_dry_run=True)
        assert not (tmp_path / "foreign.secret").exists()

    def test_is_never_overwritten(self, refusal, tmp_path):
        (tmp_path / "foreign.secret").write_text("mine")
        (problem,) = refusal(self.TEXT)
        assert "credentials[0].secret_file: This file is there already" in problem
        assert (tmp_path / "foreign.secret").read_text() == "mine"

    def test_that_cannot_be_written_undoes_everything(self, refusal):
        (problem,) = refusal(self.TEXT.replace("foreign.secret", "nowhere/foreign.secret"))
        assert "cannot be written" in problem
        assert not AccessCredential.objects.exists()

    def test_or_a_secret_must_be_given(self, refusal):
        (problem,) = refusal(BASE.replace("secret: s3cret-of-foreign, ", ""))
        assert problem.startswith("f:16: credentials[0].secret: Give the secret")
