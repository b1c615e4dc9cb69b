"""What an action is: a row of the table that is the cloud API, and one call of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.cloud.shapes import Shape
from registries.models import Account, Instance, User


class Right(StrEnum):
    """What the caller must hold: nothing, a permission on the instance, or the administration of the account."""

    NONE = "none"
    VIEW = "view"
    PUSH = "push"
    SYNCHRONIZE = "synchronize"
    MANAGE = "manage"
    ADMINISTER = "administer"


class Resource(StrEnum):
    """On which of the vendor's resources a right is asked for; source: reference/tencent-api.md 3.9."""

    ANY = "*"
    INSTANCE = "instance"
    REPOSITORY = "repository"


@dataclass(frozen=True, slots=True)
class Call:
    """
    A call whose signature, fields and right are checked.

    `values` are the request's fields as its shape has them; `region` is the code in X-TC-Region, empty if none came.
    """

    user: User
    values: dict[str, Any]
    now: datetime
    region: str = ""
    found: Instance | None = None

    @property
    def instance(self) -> Instance:
        """The instance that the request names; for actions whose `instance` says in which field."""
        if self.found is None:
            raise LookupError("this action names no instance")
        return self.found

    @property
    def account(self) -> Account:
        """The caller's account: staff have no API keys."""
        if self.user.account is None:
            raise LookupError("a key of nobody's account")
        return self.user.account


Handler = Callable[[Call], dict[str, Any]]
"""Answers a call with the fields of its response, without `RequestId`. Raises what `errors.translate` knows."""


@dataclass(frozen=True, slots=True)
class Action:
    """
    One action: its handler, its fields, and the right it needs.

    `instance` is the field that names the instance, empty where none does. `note` tells, in Markdown, in what Regatta
    differs; it stands in docs/reference/tencent-api.md.
    """

    name: str
    handler: Handler
    request: Shape
    response: Shape
    right: Right
    resource: Resource = Resource.INSTANCE
    instance: str = "RegistryId"
    note: str = ""
