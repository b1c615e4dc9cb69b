"""Triggers a rule of an installation, whose settings are in the environment, and waits for its end."""

from __future__ import annotations

import os
import sys

import django

from bench.children import gate
from bench.tools.task import Task


def main() -> None:
    """Do the task of the command line once."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    from bench.children import triggering  # noqa: PLC0415 - needs the apps

    rule = triggering.make_rule(Task.parse(sys.argv[1]))
    gate.wait()
    execution = triggering.run(rule)
    gate.report(**triggering.report_of(execution))


if __name__ == "__main__":
    main()
