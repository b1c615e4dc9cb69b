"""What the appliers of the sections share while they work on one file, inside one transaction."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import IntegrityError
from django.db.models import Model
from django.forms.utils import ErrorDict

from console.apply.entries import Entry
from console.apply.problems import Problem
from registries.forms.endpoint import find_problem
from registries.models import Instance, Replica
from registries.oci.endpoint import Endpoint
from registries.policies import Refused
from registries.services.connections import ConnectionReport

Row = TypeVar("Row", bound=Model)
_SAME_NAMES: Mapping[str, str] = MappingProxyType({})


class ChangeStatus(StrEnum):
    """What applying did to one object."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """One object of the file: `fields` are the keys whose values changed, `id` that of an instance or a replica."""

    kind: str
    name: str
    status: ChangeStatus
    fields: tuple[str, ...] = ()
    id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the change as it stands in the JSON answer."""
        return {
            "kind": self.kind,
            "name": self.name,
            "status": self.status.value,
            "fields": list(self.fields),
            **({"id": self.id} if self.id else {}),
        }


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """A connection to be tried once the transaction is over, with the keys its errors belong to."""

    entry: Entry
    endpoint: Endpoint
    keys: Mapping[str, str]

    def find_problem(self, report: ConnectionReport) -> Problem | None:
        """Return what the report means for the file, None if the connection works."""
        found = find_problem(
            report,
            by=None,
            is_anonymous=self.endpoint.username is None,
            has_own_ca=self.endpoint.ca_pem is not None,
        )
        if found is None:
            return None
        field_name, message = found
        return self.entry.problem(self.keys.get(field_name, field_name), message)


class SavableForm(Protocol[Row]):
    """What the forms of `registries` and `syncjobs` have in common."""

    instance: Row | None
    changes: dict[str, Any]

    @property
    def errors(self) -> ErrorDict:
        """Messages by field."""

    def is_valid(self) -> bool:
        """Tell whether there are no errors."""

    def save(self, now: datetime) -> Row:
        """Create or change the row and return it."""


@dataclass(slots=True)
class Session:
    """
    One attempt to apply a file.

    Whatever goes wrong becomes a problem, so that all of them are reported at once; the transaction is then
    rolled back. `refused` names what could not be saved, so that what depends on it does not complain too.
    """

    now: datetime
    directory: Path
    is_checking: bool = True
    has_checked: bool = False
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    checks: list[ConnectionCheck] = field(default_factory=list)
    refused: set[Hashable] = field(default_factory=set)
    secret_files: dict[Path, str] = field(default_factory=dict)
    _claims: dict[Hashable, Entry] = field(default_factory=dict)

    def refuse(self, entry: Entry, key: str, message: str) -> None:
        """Note a problem at the key of the entry."""
        self.problems.append(entry.problem(key, message))

    def claim(self, entry: Entry, key: str, *identity: Hashable) -> bool:
        """Tell whether the file names this object for the first time; note a problem if not."""
        first = self._claims.setdefault(identity, entry)
        if first is not entry:
            self.refuse(entry, key, f"This object is there twice, first in line {first.line}.")
        return first is entry

    def save(
        self,
        form: SavableForm[Row],
        entry: Entry,
        *,
        kind: str,
        name: str,
        keys: Mapping[str, str] = _SAME_NAMES,
    ) -> Row | None:
        """
        Save the form and note what changed, or note its errors and return None.

        `keys` maps fields of the form to keys of the file where they differ.
        """
        is_new = form.instance is None
        row: Row | None = None
        if form.is_valid():
            try:
                row = form.save(self.now)
            except ValidationError:
                pass  # the form has noted it at the field
            except Refused as refusal:
                self.refuse(entry, keys.get(refusal.field or "", refusal.field or ""), str(refusal))
            except PermissionDenied as refusal:
                self.refuse(entry, "", str(refusal))
            except IntegrityError:
                self.refuse(entry, "", "Somebody changed the same object just now. Apply the file again.")
        for field_name, messages in form.errors.items():
            key = keys.get(field_name, "" if field_name == NON_FIELD_ERRORS else field_name)
            for message in messages:
                self.refuse(entry, key, str(message))
        if row is None:
            return None
        fields = tuple(dict.fromkeys(keys.get(name, name) for name in form.changes))
        status = (
            ChangeStatus.CREATED if is_new else ChangeStatus.CHANGED if fields else ChangeStatus.UNCHANGED
        )
        row_id = _id_of(row)
        self.changes.append(Change(kind, name, status, fields, row_id))
        return row


def _id_of(row: Model) -> str:
    if isinstance(row, Instance):
        return row.instance_id
    return row.replica_id if isinstance(row, Replica) else ""
