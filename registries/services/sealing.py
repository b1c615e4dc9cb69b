"""
Seals anew, under the first key of the ring, what an earlier key sealed: `manage.py rotate_keys`.

Each sealed field says here what it is bound to. Safe to interrupt, to repeat, and to run beside everything else:
a value that somebody changes meanwhile is current already, and left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet

from registries import vault
from registries.models import AccessCredential, ApiKey, ApiToken, Backend, Credential, Instance
from registries.services import hooks

_BATCH = 100


@dataclass(frozen=True, slots=True)
class SealedField:
    """
    A field that holds sealed values, and how one of them is opened.

    `also` returns further fields that follow from the secret and the first key; `related` are what `context` reads.
    """

    model: type[models.Model]
    field: str
    context: Callable[[Any], str]
    related: tuple[str, ...] = ()
    also: Callable[[Any, str], dict[str, Any]] | None = None

    @property
    def label(self) -> str:
        """The name of the field, with its table."""
        return f"{self.model._meta.label}.{self.field}"


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the values of one field; `unreadable` are the ids of rows whose value no key opens."""

    field: str
    resealed_count: int
    current_count: int
    unreadable: tuple[int, ...]


def reseal(sealed: SealedField) -> Tally:
    """Seal the stale values of a field anew, a hundred in a transaction, and say what became of them all."""
    resealed_count = 0
    unreadable: list[int] = []
    for batch in _batches(sealed):
        with transaction.atomic():
            for row in batch:
                try:
                    resealed_count += _reseal_row(sealed, row)
                except vault.VaultError:
                    unreadable.append(row.pk)
    filled = sealed.model._default_manager.exclude(**{sealed.field: ""}).count()
    current_count = filled - _stale(sealed).count() - resealed_count
    return Tally(sealed.label, resealed_count, max(current_count, 0), tuple(unreadable))


def _reseal_row(sealed: SealedField, row: models.Model) -> int:
    old: str = getattr(row, sealed.field)
    context = sealed.context(row)
    secret = vault.open_sealed(old, context=context)
    changes = {sealed.field: vault.seal(secret, context=context)}
    if sealed.also:
        changes |= sealed.also(row, secret)
    unchanged = sealed.model._default_manager.filter(pk=row.pk, **{sealed.field: old})
    return unchanged.update(**changes)


def _batches(sealed: SealedField) -> Iterator[list[models.Model]]:
    last = 0
    while rows := list(_stale(sealed).filter(pk__gt=last).order_by("pk")[:_BATCH]):
        yield rows
        last = rows[-1].pk


def _stale(sealed: SealedField) -> QuerySet[Any]:
    rows = sealed.model._default_manager.exclude(**{sealed.field: ""})
    return rows.exclude(**{f"{sealed.field}__startswith": f"{vault.current_key_id()}."}).select_related(
        *sealed.related
    )


def _fingerprint(credential: AccessCredential | ApiToken, digest: str) -> dict[str, Any]:
    return {"secret_fingerprint": vault.fingerprint(digest, context=credential.fingerprint_context)}


FIELDS = (
    SealedField(
        Credential,
        "sealed_password",
        lambda credential: credential.seal_context,
        ("instance__account", "backend"),
    ),
    SealedField(Instance, "sealed_hook_secret", hooks.seal_context, ("account",)),
    SealedField(Backend, "sealed_hook_secret", hooks.seal_context),
    SealedField(
        AccessCredential,
        "sealed_secret_digest",
        lambda credential: credential.seal_context,
        ("instance__account",),
        _fingerprint,
    ),
    SealedField(ApiKey, "sealed_secret_key", lambda key: key.seal_context, ("user",)),
    SealedField(ApiToken, "sealed_secret_digest", lambda token: token.seal_context, ("user",), _fingerprint),
)
"""Every sealed field of this package; a test walks the models for one that is missing."""
