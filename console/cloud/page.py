"""
The page of the cloud API, docs/reference/tencent-api.md: its tables are made of the table of actions.

`python -m console.cloud.page` writes everything below the marker anew; a test compares.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/tencent-api.md"
MARKER = "<!-- Made by `python -m console.cloud.page`; do not edit what follows. -->"

_ROLES = {
    "none": "every user",
    "view": "viewer",
    "push": "operator",
    "synchronize": "operator",
    "manage": "administrator",
    "administer": "administrator",
}


def render(text: str) -> str:
    """Return the page with new tables below its marker."""
    return f"{text.partition(MARKER)[0]}{MARKER}\n\n{_actions()}\n{_rights()}\n{_unsupported()}"


def _actions() -> str:
    from console.cloud import table  # noqa: PLC0415  # needs Django's settings

    rows = (
        (f"`{action.name}`", "yes", _names(action.request), _names(action.response), action.note)
        for action in table.ACTIONS.values()
    )
    return "## Actions that are served\n\n" + _table(
        ["action", "supported", "request", "response", "notes"], rows
    )


def _rights() -> str:
    from console.cloud import table  # noqa: PLC0415  # needs Django's settings

    rows = (
        (
            f"`tcr:{action.name}`",
            f"`{action.resource}`" if action.resource == "*" else f"`{action.resource}/…`",
            "" if action.right == "none" else f"`{action.right}`",
            _ROLES[action.right],
        )
        for action in table.ACTIONS.values()
    )
    return "## Rights\n\n" + _table(["right", "resource", "permission here", "smallest role"], rows)


def _unsupported() -> str:
    from console.cloud import table  # noqa: PLC0415  # needs Django's settings

    rows = ((f"`{name}`", "no", str(table.UNSUPPORTED[name])) for name in sorted(table.UNSUPPORTED))
    return "## Actions that answer `UnsupportedOperation`\n\n" + _table(
        ["action", "supported", "what the answer says"], rows
    )


def _names(shape: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in shape)


def _table(head: list[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    import django
    from django.utils import translation

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    with translation.override("en"):
        PAGE.write_text(render(PAGE.read_text()))
