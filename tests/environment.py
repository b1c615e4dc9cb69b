"""
The environment that the suite runs in; loaded by `-p tests.environment` before Django reads its settings.

`REGATTA_TEST_DB=postgres` starts a real PostgreSQL for the session, otherwise SQLite is used.
"""

import atexit
import base64
import importlib
import os
import shutil
import tempfile

import pytest
from django.apps import AppConfig, apps

_scratch = tempfile.mkdtemp(prefix="regatta-tests-")
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith("REGATTA_") and name != "REGATTA_TEST_DB"]:
    del os.environ[_name]
os.environ |= {
    "REGATTA_DATA_DIR": _scratch,
    "REGATTA_SECRET_KEY": "only-for-tests-" + "x" * 50,
    "REGATTA_VAULT_KEYS": "test:" + base64.urlsafe_b64encode(b"k" * 32).decode(),
    "REGATTA_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
    "REGATTA_LOG_LEVEL": "WARNING",
}

server = None
if os.environ.get("REGATTA_TEST_DB") == "postgres":
    from tests.servers.postgres import Postgres

    server = Postgres()
    server.__enter__()
    atexit.register(server.__exit__, None, None, None)
    os.environ["REGATTA_DATABASE_URL"] = server.url


@pytest.fixture(scope="session", autouse=True)
def _keep_regions() -> None:
    """Load the regions anew whenever a test has emptied the tables: a migration has brought them."""
    from django.db.models.signals import post_migrate

    from registries.models import Region

    load = importlib.import_module("registries.migrations.0002_regions").load_regions

    def restore(sender: AppConfig, using: str, **_: object) -> None:
        if sender.label == "registries" and not Region.objects.using(using).exists():
            load(apps, None)

    post_migrate.connect(restore, weak=False)
