"""Rules to instances of other accounts, and the credentials that they need."""

import pytest

from registries.models import AccessCredential
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

    def test_needs_somebody_in_whose_name_to_issue(self, refusal):
        text = BASE.replace(
            "{username: bob, password: correct-horse-7, role: owner}",
            "{username: bob, password: correct-horse-7, role: viewer}",
        )
        (problem,) = refusal(text)
        assert problem.startswith("f:16: credentials[0].instance: Its account has no owner")

    def test_issues_service_accounts(self, apply_text):
        text = BASE + "  - {instance: foreign, username: robot, secret: s3cret-of-robot}\n"
        apply_text(text)
        assert set(statuses(apply_text(text)).values()) == {"unchanged"}
        assert AccessCredential.objects.filter(username="tcr$robot", kind="service").count() == 1
