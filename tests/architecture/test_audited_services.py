"""
Every service that changes something writes an audit event, or is listed here with the reason why not.

It reads the source: a function writes, or audits, if it does so itself or calls one of the services that does.
`test_permissions.py` proves the same for URLs, by doing what they do.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("registries/services", "syncjobs/services")
WRITES = {
    "save",
    "create",
    "create_user",
    "create_superuser",
    "get_or_create",
    "update_or_create",
    "bulk_create",
    "bulk_update",
    "delete",
    "move",
}

UNAUDITED = {
    "access_credentials.verify_push": "notes when a credential was last used",
    "api_keys.note_use": "notes when a key was last used",
    "api_tokens.find_usable": "notes when a token was last used",
    "backend_checks.check": "notes the health that pages show",
    "backend_checks.check_due": "notes the health that pages show",
    "backend_checks.record": "notes the health that pages show",
    "connections.test": "notes the health that pages show",
    "executions.open_push": "what registries tell; it shows as executions",
    "executions.open_scan": "a part of other acts, which note themselves; what time starts is in the log",
    "executions.settle": "counts what workers did",
    "executions.withdraw": "stops work of an account that was switched off, which is noted",
    "instances.record_health": "notes what the last connection said",
    "intake.handle": "what registries tell; it shows as executions",
    "intake.handle_waiting": "what registries tell; it shows as executions",
    "intake.receive": "what registries tell; kept as push events",
    "one_time_links.spend": "a part of other acts, which note themselves",
    "previews.preview": "changes nothing; a credential's time of use is noted",
    "pushes.enqueue": "what registries tell; it shows as executions",
    "replica_endings.conclude": "what workers did; a replica that is gone was noted when somebody deleted it",
    "replication.open_backfill": "a part of creating a replica, which is noted",
    "replication.open_removal": "a part of deleting a replica, which is noted",
    "replication.restart_removals": "goes on with a deletion, which is noted",
    "replication.sample_lag": "measures",
    "replication.start_due_drift_checks": "what time starts shows as executions",
    "replication.start_due_sweeps": "what time starts shows as executions",
    "retention.prune": "deletes history when it is old",
    "rules.check_credential": "notes when a credential was last used",
    "schedules.start_due_polls": "what time starts shows as executions",
    "schedules.start_due_rules": "what time starts shows as executions",
    "schedules.start_due_sweeps": "what time starts shows as executions",
    "schedules.stop_switched_off_accounts": "stops work of an account that was switched off, which is noted",
    "sealing.reseal": "seals the same secrets with another key; the command prints what it did",
    "sign_in_attempts.begin": "counts attempts; a refused one is noted by `fail`",
    "sign_in_attempts.succeed": "counts attempts; the session that follows is noted",
    "stored_answers.once": "keeps what was answered; what it guards notes itself",
    "sign_ins.end_all": "a part of other acts, which note themselves",
    "sign_ins.end_all_of_account": "a part of switching an account off, which is noted",
    "sign_ins.move": "a part of changing the password, which is noted",
    "sign_ins.see": "notes when a session was last seen",
}
"""Public functions that write without an audit event, and why."""


class Function:
    """A function of a service module, by what it calls."""

    def __init__(self, module: str, node: ast.FunctionDef) -> None:
        self.name = f"{module}.{node.name}"
        self.is_public = not node.name.startswith("_")
        self.calls: set[str] = set()
        self.is_writing = self.is_auditing = False
        for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
            if isinstance(call.func, ast.Name):
                self.calls.add(f"{module}.{call.func.id}")
            elif isinstance(call.func, ast.Attribute):
                owner = ast.unparse(call.func.value)
                self.calls.add(f"{owner}.{call.func.attr}")
                self.is_auditing |= (owner, call.func.attr) == ("audit", "record")
                is_queryset_update = call.func.attr == "update" and bool(call.keywords) and not call.args
                self.is_writing |= call.func.attr in WRITES or is_queryset_update


@cache
def functions() -> dict[str, Function]:
    found: dict[str, Function] = {}
    for package in PACKAGES:
        for path in (ROOT / package).glob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef):
                    function = Function(path.stem, node)
                    assert function.name not in found, "two packages have a service of this name"
                    found[function.name] = function
    return found


def does(name: str, what: str, seen: frozenset[str] = frozenset()) -> bool:
    """Tell whether the function, or a service that it calls, is `is_writing` or `is_auditing`."""
    function = functions().get(name)
    if function is None or name in seen:
        return False
    return getattr(function, what) or any(does(call, what, seen | {name}) for call in function.calls)


def silent() -> set[str]:
    """Return the public functions that write and note nothing."""
    return {
        function.name
        for function in functions().values()
        if function.is_public and does(function.name, "is_writing") and not does(function.name, "is_auditing")
    }


def test_every_service_that_writes_notes_it_or_says_why_not():
    assert not silent() - UNAUDITED.keys()


def test_the_list_of_exceptions_holds_nothing_that_is_gone():
    assert not UNAUDITED.keys() - silent()


def test_the_reader_sees_what_services_do():
    assert does("rules.create", "is_writing")
    assert does("rules.create", "is_auditing")
    assert len(functions()) > 80
