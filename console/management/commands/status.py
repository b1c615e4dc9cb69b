"""`manage.py status`: how the platform is doing."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from syncjobs.queries.status import get_status


class Command(BaseCommand):
    help = "Prints what is running, due, paused, and which workers are alive."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        status = asdict(get_status(timezone.now()))
        if options["json"]:
            self.stdout.write(json.dumps(status, indent=2))
            return
        workers = status.pop("workers")
        for name, value in status.items():
            words = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            self.stdout.write(f"{name.replace('_', ' '):24} {words}")
        for worker in workers:
            alive = "alive" if worker["is_alive"] else "GONE"
            self.stdout.write(
                f"{'worker':24} {worker['name']} {alive}, heartbeat {worker['heartbeat_age_seconds']:.0f} s ago, "
                f"{worker['job_count']} jobs"
            )
        if not workers:
            self.stdout.write(f"{'worker':24} none")
