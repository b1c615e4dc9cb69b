"""
Applies a whole file or nothing of it.

The file is applied in one transaction, in which nothing waits for the network. Where connections have to be
tried, that first attempt is rolled back, they are tried, and only then is the file applied for good.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from console.apply import document
from console.apply.credentials import apply_credential
from console.apply.entries import Entry, Reader
from console.apply.people import apply_account, apply_grants, apply_staff
from console.apply.places import apply_backend, apply_instance, apply_region
from console.apply.problems import FileRefusedError, Problem
from console.apply.replicas import apply_replica
from console.apply.rules import apply_rule
from console.apply.session import Change, ConnectionCheck, Session
from registries.services import connections

_PARALLEL_CHECKS = 8
_STEPS: Sequence[tuple[str, Callable[[Session, Entry], None]]] = (
    ("regions", apply_region),
    ("backends", apply_backend),
    ("accounts", apply_account),
    ("staff", apply_staff),
    ("instances", apply_instance),
    ("accounts", apply_grants),
    ("credentials", apply_credential),
    ("replicas", apply_replica),
    ("rules", apply_rule),
)

Sections = Mapping[str, list[Entry]]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the objects of a file; `is_applied` is False for a dry run."""

    changes: list[Change]
    warnings: list[Problem]
    is_applied: bool


def apply(
    text: str, *, directory: Path, now: datetime, is_checking: bool = True, is_dry_run: bool = False
) -> Report:
    """
    Make the database match the file; objects that it does not name are left alone. Safe to repeat.

    `directory` is where names of certificate files start from. Without `is_checking` the connections of new
    and changed instances are not tried.

    Raises FileRefusedError, with everything that is wrong, and then has changed nothing.
    """
    reader = Reader()
    sections = reader.read(document.read(text))

    def attempt(*, is_checking: bool, has_checked: bool, commits: Callable[[Session], bool]) -> Session:
        session = Session(now=now, directory=directory, is_checking=is_checking, has_checked=has_checked)
        with transaction.atomic():
            _apply_sections(session, sections)
            if commits(session):
                _write_secrets(session)
            else:
                transaction.set_rollback(True)
        return session

    def is_final(session: Session) -> bool:
        return not (is_dry_run or reader.problems or session.problems or session.checks)

    session = attempt(is_checking=is_checking, has_checked=False, commits=is_final)
    problems = reader.problems + session.problems + _try_connections(session.checks)
    if problems:
        raise FileRefusedError(problems)
    if session.checks and not is_dry_run:
        session = attempt(is_checking=False, has_checked=True, commits=is_final)
        if session.problems:
            raise FileRefusedError(session.problems)
    return Report(session.changes, session.warnings, is_applied=not is_dry_run)


def _apply_sections(session: Session, sections: Sections) -> None:
    for name, apply_entry in _STEPS:
        for entry in sections[name]:
            if entry.is_usable:
                apply_entry(session, entry)
            elif name == "accounts":
                session.refused.add(("account", entry.text("uin")))
            elif name == "instances":
                session.refused.add(("instance", entry.text("name")))


def _write_secrets(session: Session) -> None:
    """
    Write generated secrets to their files, which only their owner may read, before the transaction ends.

    Raises FileRefusedError, and leaves no file, if one of them cannot be written.
    """
    written: list[Path] = []
    try:
        for path, secret in session.secret_files.items():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            written.append(path)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{secret}\n")
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        message = f"The secret cannot be written to {error.filename}: {error.strerror}."
        raise FileRefusedError([Problem(1, "credentials", message)]) from None


def _try_connections(checks: list[ConnectionCheck]) -> list[Problem]:
    with ThreadPoolExecutor(_PARALLEL_CHECKS) as pool:
        reports = pool.map(lambda check: connections.check(check.endpoint), checks)
        found = [check.find_problem(report) for check, report in zip(checks, reports, strict=True)]
    return [problem for problem in found if problem]
