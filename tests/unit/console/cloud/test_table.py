"""The table of actions: complete, as the official SDK has it, and asked as everybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.tcr.v20190924 import models

from console.cloud import table
from console.cloud.actions import Right
from console.cloud.shapes import Shape
from registries.models import Edition
from tests import factories
from tests.unit.console.cloud.calling import Refused, caller_for

ROLES = {
    Right.NONE: {"viewer", "operator", "admin", "owner"},
    Right.VIEW: {"viewer", "operator", "admin", "owner"},
    Right.PUSH: {"operator", "admin", "owner"},
    Right.SYNCHRONIZE: {"operator", "admin", "owner"},
    Right.MANAGE: {"admin", "owner"},
    Right.ADMINISTER: {"admin", "owner"},
}
SDK_TEST = Path(__file__).resolve().parents[3] / "integration/test_cloud_sdk.py"
ACTIONS = list(table.ACTIONS.values())


def fields_of(model: Any) -> set[str]:
    """Return the field names of one of the SDK's models."""
    return {
        name for name, kind in vars(type(model)).items() if isinstance(kind, property) and name != "RequestId"
    }


class TestTheTable:
    def test_holds_every_action_of_the_official_sdk(self):
        known = {name.removesuffix("Request") for name in dir(models) if name.endswith("Request")}
        assert known == table.ACTIONS.keys() | table.UNSUPPORTED.keys()
        assert not table.ACTIONS.keys() & table.UNSUPPORTED.keys()

    @pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
    def test_has_the_fields_of_the_official_sdk(self, action):
        request = getattr(models, f"{action.name}Request")()
        response = getattr(models, f"{action.name}Response")()
        assert fields_of(request) == action.request.keys()
        assert fields_of(response) == action.response.keys()

    def test_is_driven_by_the_official_sdk(self):
        text = SDK_TEST.read_text()
        assert not [name for name in table.ACTIONS if f'"{name}"' not in text]

    @pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
    def test_names_an_instance_by_a_field_that_is_needed(self, action):
        if action.instance:
            assert action.request[action.instance].is_required


@pytest.mark.django_db
class TestEverybody:
    """Who may do what: one row for each action, as docs/reference/tencent-api.md tells."""

    @pytest.fixture
    def world(self, account):
        source = factories.make_instance(account=account, edition=Edition.PREMIUM, name="source-one")
        factories.make_instance(account=account, name="target-one")
        return source

    @pytest.mark.parametrize("persona", ["viewer", "operator", "admin", "owner", "stranger"])
    def test_gets_what_the_right_says(self, world, account, persona):
        is_stranger = persona == "stranger"
        user = factories.make_user(
            account=None if is_stranger else account, role="owner" if is_stranger else persona
        )
        call = caller_for(user, region="ap-guangzhou")
        for action in ACTIONS:
            code = self.ask(call, action.name, example(action.request, world.instance_id))
            if is_stranger:
                assert not action.instance or code == "ResourceNotFound", action.name
            elif persona in ROLES[action.right]:
                assert code != "UnauthorizedOperation" or action.right is Right.VIEW, action.name
            else:
                assert code == "UnauthorizedOperation", action.name

    def ask(self, call, name: str, values: Mapping[str, Any]) -> str:
        """Return the code of the refusal, empty if there was none."""
        code = ""
        try:
            call(name, **values)
        except Refused as refused:
            code = refused.code
        assert code != "InternalError", name
        return code

    def test_a_grant_lifts_on_one_instance(self, world, account):
        viewer = factories.make_user(account=account, role="viewer")
        call = caller_for(viewer)
        values = {"SourceRegistryId": world.instance_id, "RuleName": "no"}
        assert self.ask(call, "DeleteReplicationRule", values) == "UnauthorizedOperation"
        factories.make_grant(user=viewer, instance=world, permission="synchronize")
        assert self.ask(call, "DeleteReplicationRule", values) == "ResourceNotFound"

    def test_a_refusal_names_act_and_resource(self, world, account):
        call = caller_for(factories.make_user(account=account, role="viewer"))
        with pytest.raises(Refused) as caught:
            call("DeleteNamespace", RegistryId=world.instance_id, NamespaceName="team")
        resource = f"qcs::tcr:ap-guangzhou:uin/{account.uin}:repository/{world.instance_id}/team"
        assert f"tcr:DeleteNamespace on {resource}" in caught.value.message


@pytest.mark.django_db
class TestUnsupported:
    @pytest.mark.parametrize("name", table.UNSUPPORTED)
    def test_answers_with_a_sentence(self, call, name):
        with pytest.raises(Refused, match="UnsupportedOperation") as caught:
            call(name, Anything=1)
        assert caught.value.message.endswith(".")

    def test_an_unknown_action_is_another_matter(self, call):
        with pytest.raises(Refused, match="InvalidAction"):
            call("TriggerReplication")


def example(shape: Shape, instance_id: str) -> dict[str, Any]:
    """Return the least that a request must hold, about the instance."""
    values: dict[str, Any] = {}
    for name, field in shape.items():
        if not field.is_required:
            continue
        value: Any = {"string": "x", "integer": 1, "boolean": True}.get(field.kind.value)
        if field.shape is not None:
            value = example(field.shape, instance_id)
        if name in {"RegistryId", "SourceRegistryId"}:
            value = instance_id
        values[name] = [value] if field.is_list else value
    return values
