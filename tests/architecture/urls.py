"""Every URL of every face, and those who ask for them."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

PERSONAS = ("anonymous", "viewer", "operator", "admin", "owner", "stranger", "staff")
"""Who asks: nobody, the four roles of the account, the owner of another account, the platform's staff."""


def patterns(
    resolver: URLResolver | None = None, namespaces: tuple[str, ...] = (), prefix: str = "/"
) -> Iterator[tuple[str, str]]:
    """Yield the name and the route of every URL; one without a name is called by its route."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield ":".join((*namespaces, entry.name)) if entry.name else route, route
        else:
            yield from patterns(entry, (*namespaces, *filter(None, [entry.namespace])), route)
