"""`manage.py worker`: one supervised cluster of worker processes."""

import sys
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand

from syncjobs.worker.supervisor import Supervisor


class Command(BaseCommand):
    # The checks of URLs would load every page into the supervisor for good.
    requires_system_checks = (Tags.models, Tags.database)
    help = "Runs the workers of this machine until SIGTERM; start as many machines as you like on PostgreSQL."

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(Supervisor().run())
