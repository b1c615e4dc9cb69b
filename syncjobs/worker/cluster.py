"""
The process that the supervisor starts: a django-q cluster with everything imported before it forks.

Run as `python -m syncjobs.worker.cluster`; never by hand.
"""

from __future__ import annotations

import gc
import os

import django

from syncjobs.worker import death


def main() -> None:
    """Start the cluster and stay in it until it has stopped."""
    death.die_with_parent()
    death.children_die_with_parent()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    from django_q.cluster import Cluster  # noqa: PLC0415 - needs the apps

    import syncjobs.tasks  # noqa: F401, PLC0415 - imported once here instead of in every worker

    gc.collect()
    gc.freeze()  # what was imported is shared with the processes that are forked; the collector would copy it
    cluster = Cluster()
    cluster.start()
    cluster.sentinel.join()


if __name__ == "__main__":
    main()
