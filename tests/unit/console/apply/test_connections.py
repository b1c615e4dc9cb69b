"""Connections of new and changed instances are tried before anything is saved."""

import pytest

from registries.models import Account, Instance
from tests.fakes.auth import BasicAuth
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.django_db


class TestConnections:
    @pytest.fixture
    def registry(self):
        with FakeRegistry(auth=BasicAuth("robot", "right")) as running:
            yield running

    def text(self, registry, password="right", **keys) -> str:
        more = "".join(f", {key}: {value}" for key, value in keys.items())
        return (
            "accounts: [{uin: 123456, name: Acme}]\n"
            "instances:\n"
            "  - {name: production, account: 123456, region: ap-tokyo,\n"
            f"     endpoint: '{registry.url}', username: robot,\n"
            f"     password: {password}{more}}}\n"
        )

    def test_are_tried_for_new_instances(self, apply_text, registry):
        apply_text(self.text(registry), is_checking=True)
        assert registry.count("GET", "^/v2/$") >= 1
        assert Instance.objects.get().endpoint().password == "right"

    def test_are_not_tried_again_when_nothing_changed(self, apply_text, registry):
        apply_text(self.text(registry), is_checking=True)
        registry.clear_log()
        apply_text(self.text(registry), is_checking=True)
        assert registry.count() == 0

    def test_are_tried_in_a_dry_run(self, refusal, registry):
        (problem,) = refusal(self.text(registry, password="wrong"), is_checking=True, is_dry_run=True)
        assert problem == "f:5: instances[0].password: The registry rejected the username or the password."

    def test_refuse_a_wrong_password_and_save_nothing(self, refusal, registry):
        (problem,) = refusal(self.text(registry, password="wrong"), is_checking=True)
        assert problem == "f:5: instances[0].password: The registry rejected the username or the password."
        assert not Account.objects.exists()

    def test_name_the_variable_of_a_wrong_password(self, refusal, registry, monkeypatch):
        monkeypatch.setenv("ROBOT_PASSWORD", "wrong")
        text = self.text(registry).replace("password: right", "password_env: ROBOT_PASSWORD")
        (problem,) = refusal(text, is_checking=True)
        assert problem.startswith("f:5: instances[0].password_env: The registry rejected")

    def test_refuse_a_registry_that_cannot_be_reached(self, refusal, registry):
        text = self.text(registry)
        registry.stop()
        (problem,) = refusal(text, is_checking=True)
        assert problem.startswith("f:4: instances[0].endpoint: The registry cannot be reached.")

    def test_name_the_setting_that_allows_networks(self, refusal, registry, settings):
        settings.ALLOWED_NETWORKS = []
        (problem,) = refusal(self.text(registry), is_checking=True)
        assert "REGATTA_ALLOWED_NETWORKS" in problem

    def test_are_reported_together_with_other_problems(self, refusal, registry):
        text = self.text(registry, password="wrong") + "rules: [{source: production, name: X}]\n"
        assert [problem.split(": ")[1] for problem in refusal(text, is_checking=True)] == [
            "instances[0].password",
            "rules[0].namespace",
            "rules[0].target",
        ]

    def test_are_not_tried_when_told_not_to(self, apply_text, registry):
        apply_text(self.text(registry, password="wrong"), is_checking=False)
        assert registry.count() == 0
