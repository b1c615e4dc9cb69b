"""Whatever a form is given, it is valid or says at which field it is not; it never breaks."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

import console
import registries
import syncjobs
from console.admin.platform import BackendAdminForm
from console.pages import audit
from console.pages.preferences import PreferencesForm
from console.pages.session import SignInForm
from console.shared import execution_log
from console.shared.forms import ConfirmationForm
from registries import forms as own
from registries.forms import instance as instance_form
from registries.forms.acting import ActingForm
from registries.forms.api_token import ApiTokenForm
from registries.forms.namespace import NamespaceForm
from registries.policies import Refused
from registries.services.access_credentials import CredentialRejected
from syncjobs import forms as rule_form
from syncjobs.forms import RuleForm
from syncjobs.replica_form import ReplicaForm
from syncjobs.selection_form import SelectionForm
from tests import factories
from tests.architecture.world import World
from tests.fuzzing import junk

pytestmark = pytest.mark.django_db

Make = Callable[[World, Any], forms.BaseForm]


def person(world: World, role: str = "owner") -> Any:
    return world.users[role]


FORMS: dict[str, tuple[Make, Callable[[World], dict[str, Any]]]] = {
    "InstanceForm (new)": (
        lambda world, data: own.InstanceForm(
            data, account=world.account, by=person(world), check=False, with_id=True
        ),
        lambda world: instance_form.values_of(world.target) | {"name": "another", "instance_id": ""},
    ),
    "InstanceForm": (
        lambda world, data: own.InstanceForm(
            data, account=world.account, by=person(world), instance=world.source, check=False
        ),
        lambda world: instance_form.values_of(world.source),
    ),
    "RuleForm (new)": (
        lambda world, data: RuleForm(data, source=world.source, by=person(world)),
        lambda world: rule_form.values_of(world.rule) | {"name": "another", "namespace": "other"},
    ),
    "RuleForm": (
        lambda world, data: RuleForm(data, source=world.source, by=person(world), instance=world.rule),
        lambda world: rule_form.values_of(world.rule),
    ),
    "RuleForm (cross-tenant)": (
        lambda world, data: RuleForm(data, source=world.source, by=person(world)),
        lambda world: (
            rule_form.values_of(world.rule)
            | {
                "name": "another",
                "is_cross_tenant": True,
                "target_instance_id": world.foreign.instance_id,
                "target_username": world.foreign.account.uin,
                "target_password": factories.PASSWORD,
            }
        ),
    ),
    "AccessCredentialForm": (
        lambda world, data: own.AccessCredentialForm(data, holder=world.source, by=person(world)),
        lambda world: {"username": "robot", "namespaces": "team, other", "description": "x"},
    ),
    "CredentialChangeForm": (
        lambda world, data: own.CredentialChangeForm(data, instance=world.credential, by=person(world)),
        lambda world: {"description": "changed"},
    ),
    "AccountForm": (
        lambda world, data: own.AccountForm(data, by=None),
        lambda world: {"uin": "100000000099", "name": "New"},
    ),
    "UserForm": (
        lambda world, data: own.UserForm(data, account=world.account, by=None),
        lambda world: {
            "username": "new",
            "password": factories.PASSWORD,
            "role": "viewer",
            "email": "a@b.example",
        },
    ),
    "StaffForm": (
        lambda world, data: own.StaffForm(data, by=None),
        lambda world: {"username": "new", "password": factories.PASSWORD, "email": ""},
    ),
    "InvitationForm": (
        lambda world, data: own.InvitationForm(data, account=world.account, by=person(world)),
        lambda world: {"username": "new", "role": "viewer", "email": ""},
    ),
    "MemberForm": (
        lambda world, data: own.MemberForm(
            data, account=world.account, instance=person(world, "viewer"), by=person(world)
        ),
        lambda world: {"role": "operator", "email": ""},
    ),
    "GrantForm": (
        lambda world, data: own.GrantForm(data, user=person(world, "viewer"), by=person(world)),
        lambda world: {"instance_id": world.source.instance_id, "permission": "push"},
    ),
    "ChosenPasswordForm": (
        lambda world, data: own.ChosenPasswordForm(data, subject=person(world)),
        lambda world: {"password": "battery-staple-9", "repeated": "battery-staple-9"},
    ),
    "OwnPasswordForm": (
        lambda world, data: own.OwnPasswordForm(data, subject=person(world)),
        lambda world: {
            "present": factories.PASSWORD,
            "password": "battery-staple-9",
            "repeated": "battery-staple-9",
        },
    ),
    "RegionForm": (
        lambda world, data: own.RegionForm(data, by=None),
        lambda world: {
            "code": "xx-a",
            "numeric_id": "9001",
            "name_en": "A",
            "name_zh": "A",
            "jurisdiction": "a",
        },
    ),
    "BackendForm": (
        lambda world, data: own.BackendForm(data, by=None),
        lambda world: {
            "code": "main",
            "region": world.source.region.code,
            "endpoint_url": "https://b.example.com",
            "username": "robot",
            "password": "secret",
        },
    ),
    "NamespaceForm": (
        lambda world, data: NamespaceForm(data, holder=world.source, by=person(world)),
        lambda world: {"name": "another-namespace", "is_public": False},
    ),
    "ApiTokenForm": (
        lambda world, data: ApiTokenForm(data, by=person(world)),
        lambda world: {"description": "CI", "scope": "read", "days": 30},
    ),
    "ReplicaForm": (
        lambda world, data: ReplicaForm(data, primary=world.source, by=person(world)),
        lambda world: {"region": "ap-beijing"},
    ),
}
"""Name → how the form is made of data, and data that it takes. These also get what JSON and YAML can hold."""

BROWSER_FORMS: dict[str, tuple[Make, Callable[[World], dict[str, Any]]]] = {
    "BackendAdminForm": (
        lambda world, data: BackendAdminForm(data),
        lambda world: {
            "code": "main",
            "region": str(world.source.region_id),
            "endpoint_url": "https://b.example.com",
            "username": "robot",
            "password": "secret",
        },
    ),
    "SelectionForm": (
        lambda world, data: SelectionForm(data or {}, by=person(world)),
        lambda world: {"namespace": "team", "repository": "app-*", "tag": "", "syntax": ""},
    ),
    "ConfirmationForm": (
        lambda world, data: ConfirmationForm(data, name="source"),
        lambda world: {"name": "source"},
    ),
    "PreferencesForm": (
        lambda world, data: PreferencesForm(data, instance=person(world)),
        lambda world: {"language": "", "time_zone": "Asia/Shanghai", "theme": "dark"},
    ),
    "SignInForm": (
        lambda world, data: SignInForm(None, data),
        lambda world: {"username": person(world).login, "password": factories.PASSWORD},
    ),
    "execution_log.FilterForm": (
        lambda world, data: execution_log.FilterForm(data),
        lambda world: {"status": "failed", "since": "2026-01-01"},
    ),
    "audit.FilterForm": (
        lambda world, data: audit.FilterForm(data),
        lambda world: {"verb": "rule.created", "until": "2026-01-01"},
    ),
}
"""The same for forms that only pages use, whose data is always text."""


@pytest.fixture
def world(settings) -> World:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return World()


def judge(form: forms.BaseForm) -> None:
    """Fail unless the form is valid and can be saved or refused, or names fields of its own with messages."""
    if not form.is_valid():
        assert form.errors
        assert set(form.errors) <= {*form.fields, NON_FIELD_ERRORS}
        assert all(message for messages in form.errors.values() for message in messages)
        return
    if isinstance(form, ActingForm) and hasattr(form, "save"):
        further = {"kept_session": "x"} if isinstance(form, own.OwnPasswordForm) else {}
        with contextlib.suppress(ValidationError, Refused, PermissionDenied, CredentialRejected):
            form.save(timezone.now(), **further)


def fuzz(world: World, make: Make, valid: dict[str, Any], values: st.SearchStrategy[Any]) -> None:
    fields = list(make(world, None).fields)

    @junk.PROFILE
    @given(junk.data(fields, valid, values))
    def attempt(data: dict[str, Any]) -> None:
        with transaction.atomic():
            judge(make(world, data))
            transaction.set_rollback(True)
        for row in (world.source, world.rule, world.credential):
            row.refresh_from_db()

    attempt()


@pytest.mark.parametrize("name", FORMS)
def test_a_form_takes_anything_that_json_can_hold(world, name):
    make, valid = FORMS[name]
    fuzz(world, make, valid(world), junk.values)


@pytest.mark.parametrize("name", BROWSER_FORMS)
def test_a_form_of_a_page_takes_any_text(world, name):
    make, valid = BROWSER_FORMS[name]
    fuzz(world, make, valid(world), junk.sendable)


@pytest.mark.parametrize("name", [*FORMS, *BROWSER_FORMS])
def test_the_data_that_fuzzing_starts_from_is_valid(world, name):
    make, valid = (FORMS | BROWSER_FORMS)[name]
    form = make(world, valid(world))
    assert form.is_valid(), form.errors


def modules() -> Iterator[str]:
    for package in (registries, syncjobs, console):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name and not module.name.endswith(".wsgi"):
                yield module.name


ELSEWHERE = ("console.api.", "console.pages.styleguide")
"""The parameters of the REST API, which tests/contract/test_rest_api.py makes up, and one that nobody sends."""


def test_every_form_is_fuzzed():
    for name in modules():
        importlib.import_module(name)
    found, waiting = set(), [forms.BaseForm]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            is_ours = kind.__module__.split(".")[0] in {"registries", "syncjobs", "console"}
            if is_ours and not kind.__module__.startswith(ELSEWHERE):
                found.add(kind)
    fuzzed = {type_name(name) for name in FORMS | BROWSER_FORMS}
    bases = {base for kind in found for base in kind.__mro__[1:]}
    assert not {kind.__name__ for kind in found - bases} - fuzzed


def type_name(name: str) -> str:
    return name.partition(" ")[0].rpartition(".")[2]
