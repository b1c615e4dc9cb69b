"""Triggers every rule of an installation, whose settings are in the environment, at once."""

from __future__ import annotations

import os

import django
from django.utils import timezone

from bench.children import gate


def main() -> None:
    """Do it when the parent says so."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    from syncjobs.models import Rule  # noqa: PLC0415 - needs the apps
    from syncjobs.services import rules  # noqa: PLC0415

    every = list(Rule.objects.order_by("pk"))
    gate.wait()
    for rule in every:
        rules.trigger(rule=rule, by=None, now=timezone.now())
    gate.report(triggered=len(every))


if __name__ == "__main__":
    main()
