"""What every page shows around its content: the sidebar, with the section that the page belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.shared import access, logs
from registries import permissions


@dataclass(frozen=True, slots=True)
class Section:
    """
    A place in the sidebar; pages of these URL namespaces belong to it.

    A page that belongs elsewhere than its URL says names the other namespace in `request.section`.
    """

    label: str | Promise
    url_name: str
    icon: str
    namespaces: frozenset[str]


@dataclass(frozen=True, slots=True)
class Group:
    """Sections under one heading; the first group has none."""

    label: str | Promise
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A section as one page shows it."""

    label: str | Promise
    url: str
    icon: str
    is_current: bool


_GROUPS = (
    Group(
        "",
        (
            Section(_("Overview"), "overview:show", "overview", frozenset({"overview"})),
            Section(
                _("Instances"),
                "instances:list",
                "instance",
                frozenset({"instances", "credentials", "namespaces", "repositories"}),
            ),
        ),
    ),
    Group(
        _("Synchronization and Replication"),
        (
            Section(_("Synchronization"), "rules:list", "sync", frozenset({"rules", "executions"})),
            Section(_("Instance Replication"), "replicas:list", "copy", frozenset({"replicas"})),
        ),
    ),
)
_AUDIT = Group("", (Section(_("Audit"), "audit:list", "audit", frozenset({"audit"})),))
_PLATFORM = Group(
    _("Platform"),
    (
        Section(_("Regions"), "regions:list", "region", frozenset({"regions"})),
        Section(_("Backends"), "backends:list", "backend", frozenset({"backends"})),
        Section(_("Workers and queue"), "platform:workers", "worker", frozenset({"platform"})),
        Section(_("Administration"), "admin:index", "admin", frozenset({"admin"})),
    ),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the context of `base.html`: the sidebar's groups, the theme, and the request's id."""
    context: dict[str, Any] = {"request_id": logs.request_id.get(), "theme": "auto"}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return context
    match = request.resolver_match
    namespace = getattr(request, "section", "") or (match.namespace if match else "")
    groups = list(_GROUPS)
    if access.can_read_audit(user):
        groups.append(_AUDIT)
    if permissions.is_platform(user):
        groups.append(_PLATFORM)
    context["theme"] = user.theme
    context["navigation"] = [
        (group.label, [_link(section, namespace) for section in group.sections]) for group in groups
    ]
    return context


def _link(section: Section, namespace: str) -> Link:
    return Link(section.label, reverse(section.url_name), section.icon, namespace in section.namespaces)
