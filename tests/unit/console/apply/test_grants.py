"""Grants of users in a file: given after the instances exist, never taken back."""

import pytest

from registries.models import Grant
from tests import factories
from tests.unit.console.apply.conftest import BASE, changed_fields, statuses

pytestmark = pytest.mark.django_db

CAROL = """\
      - username: carol
        password: correct-horse-7
        role: viewer
        grants:
          - {instance: source, permission: synchronize}
"""
FILE = BASE.replace('  - uin: "100000000002"', CAROL + '  - uin: "100000000002"')


class TestGrants:
    def test_are_given_on_instances_of_the_same_file(self, apply_text):
        report = apply_text(FILE)
        assert statuses(report)["grant carol@100000000001 on 100000000001/source"] == "created"
        grant = Grant.objects.get()
        assert (grant.user.username, grant.instance.name, grant.permission) == (
            "carol",
            "source",
            "synchronize",
        )
        assert set(statuses(apply_text(FILE)).values()) == {"unchanged"}

    def test_are_changed(self, apply_text):
        apply_text(FILE)
        report = apply_text(FILE.replace("permission: synchronize", "permission: manage"))
        assert changed_fields(report) == {"carol@100000000001 on 100000000001/source": ("permission",)}
        assert Grant.objects.get().permission == "manage"

    def test_are_left_alone_if_the_file_does_not_name_them(self, apply_text):
        apply_text(FILE)
        apply_text(BASE)
        assert Grant.objects.exists()

    @pytest.mark.parametrize(
        ("instance", "message"),
        [
            ("nowhere", "There is no such instance"),
            ("100000000002/foreign", "Select a valid choice"),
        ],
    )
    def test_are_refused_on_anything_but_instances_of_the_account(self, refusal, instance, message):
        problems = refusal(FILE.replace("instance: source, permission", f"instance: {instance}, permission"))
        assert len(problems) == 1
        assert f"accounts[0].users[1].grants[0].instance: {message}" in problems[0]
        assert not Grant.objects.exists()

    def test_are_refused_twice_on_one_instance(self, refusal):
        twice = FILE.replace(
            "permission: synchronize}", "permission: push}\n          - {instance: source, permission: view}"
        )
        assert "there twice" in refusal(twice)[0]

    def test_do_not_complain_about_an_instance_that_was_refused_itself(self, refusal):
        problems = refusal(FILE.replace("name: source, ", "name: source, edition: gold, "))
        assert [problem for problem in problems if "grants" in problem] == []

    def test_need_a_known_permission(self, refusal):
        assert (
            "is none of manage, push"
            in refusal(FILE.replace("permission: synchronize", "permission: all"))[0]
        )


def test_a_user_of_another_account_is_not_meant(apply_text):
    factories.make_user(username="carol", account=factories.make_account(uin="100000000009"))
    apply_text(FILE)
    assert Grant.objects.get().user.login == "carol@100000000001"
