"""`manage.py serve`: the console and its workers, for one machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from syncjobs.worker import death
from syncjobs.worker.supervisor import Supervisor, child_environment

_WEB_THREADS = 8
_WEB_GRACE_SECONDS = 10


class Command(BaseCommand):
    help = "Runs the web server (REGATTA_LISTEN) and the workers on this machine until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-migrate", action="store_true", help="do not apply migrations first")
        parser.add_argument("--no-worker", action="store_true", help="run the web server only")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["no_migrate"]:
            call_command("migrate", interactive=False, verbosity=0)
        if not settings.WHITENOISE_USE_FINDERS:
            call_command("collectstatic", interactive=False, verbosity=0)
        command = web_command()
        if options["no_worker"]:
            os.execve(command[0], command, child_environment())
        web = subprocess.Popen(
            command,
            env=child_environment(),
            start_new_session=True,
            # Told to stop instead of killed, so that it stops its own children.
            preexec_fn=partial(death.die_with_parent, os.getpid(), signal.SIGTERM),
        )
        self.stdout.write(f"Regatta listens on http://{settings.LISTEN}")
        try:
            code = Supervisor(companion=web).run()
        finally:
            stop_web(web)
        sys.exit(code)


def stop_web(web: subprocess.Popen[bytes]) -> None:
    """End the web server once it has answered what it is asked, or the hard way; leaves no child of its own."""
    web.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        web.wait(timeout=_WEB_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(web.pid, signal.SIGKILL)
    web.wait()


def web_command() -> list[str]:
    """Return the command line of the web server: WSGI, several threads (reference/ecosystem.md 1)."""
    host, _, port = settings.LISTEN.rpartition(":")
    return [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        host,
        "--port",
        port,
        "--workers",
        "1",
        "--blocking-threads",
        str(_WEB_THREADS),
        "--no-ws",
        "--log-level",
        "warning",
        "console.wsgi:application",
    ]
