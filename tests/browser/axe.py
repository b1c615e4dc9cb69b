"""axe-core, the checker of accessibility: fetched from npm for tests only, by scripts/setup.sh, into var/axe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parents[2] / "var/axe/node_modules/axe-core/axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async (tags) => {
    const found = await axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]});
    return found.violations.map((one) => ({
        rule: one.id, help: one.help,
        nodes: one.nodes.map((node) => [node.html.slice(0, 200), ...node.any.map((any) => any.message)].join(" | ")),
    }));
}"""


def need() -> None:
    """Skip the test loudly where axe-core is missing; a machine that builds must have it."""
    if SCRIPT.exists():
        return
    reason = f"{SCRIPT} is missing: accessibility is NOT checked. Install npm and run scripts/setup.sh"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def find_violations(page: Page) -> list[dict[str, Any]]:
    """Return what axe-core has against the page as it is now: rules of WCAG 2.2 A and AA, and good practice."""
    page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(_RUN, _TAGS)
    return found


def describe(violations: list[dict[str, Any]]) -> str:
    """Return the violations for people."""
    return "\n".join(
        f"{one['rule']}: {one['help']}\n   " + "\n   ".join(one["nodes"][:5]) for one in violations
    )
