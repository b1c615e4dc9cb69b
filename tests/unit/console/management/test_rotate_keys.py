"""`manage.py rotate_keys` as an operator sees it."""

import pytest

from registries.models import Credential
from tests.factories import make_instance

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rotated(settings):
    make_instance(username="robot", password="of-the-registry")
    settings.VAULT_KEYS = {"new": b"n" * 32, **settings.VAULT_KEYS}


def test_says_what_it_did_and_that_earlier_keys_may_go(run):
    result = run("rotate_keys")
    assert result.code == 0
    assert "registries.Credential.sealed_password: 1 sealed anew, 0 current, 0 unreadable" in result.output
    assert "Everything is sealed under new; earlier keys may go." in result.output
    assert "of-the-registry" not in result.output
    assert "0 sealed anew, 1 current" in run("rotate_keys").output


def test_answers_programs(run):
    document = run("rotate_keys", "--json").document
    assert document["key_id"] == "new"
    assert {
        "field": "registries.Credential.sealed_password",
        "resealed_count": 1,
        "current_count": 0,
        "unreadable": [],
    } in document["fields"]


def test_fails_and_names_the_row_that_no_key_opens(run, settings):
    settings.VAULT_KEYS = {"new": b"n" * 32}
    result = run("rotate_keys")
    assert result.code == 1
    assert f"no key of the ring opens rows {Credential.objects.get().pk}" in result.errors
    assert "may go" not in result.output
