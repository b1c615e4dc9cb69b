"""The child's end of `bench/tools/child.py`."""

from __future__ import annotations

import json
import sys
from typing import Any


def wait(**facts: Any) -> None:
    """Say that all is ready, with some facts, and return once the parent wants the work to begin."""
    _say(facts)
    if not sys.stdin.readline():
        sys.exit(1)


def report(**facts: Any) -> None:
    """Say what came of the work, and return once the parent has looked at this process."""
    _say(facts)
    sys.stdin.read()


def _say(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
