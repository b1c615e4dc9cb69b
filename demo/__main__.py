"""
`python -m demo`: three registries, two accounts, four rules; synchronizes, checks every digest, stays up.

With `--once` it stops after the check; the exit code is 0 only if every digest is right.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import secrets
import shutil
import signal
import string
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from demo import content, inspection
from demo.console import ROOT, Console, DemoError, prepare
from demo.inspection import Finding
from demo.lab import Lab, running

_DIRECTORY = ROOT / "var" / "demo"
_LOCK = ROOT / "var" / "demo.lock"
_SOURCE = "100000000001/guangzhou-build"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RULES = ("team-everything", "shop-releases", "charts-only", "partner-api")


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check, stop everything, and exit")
    is_once = parser.parse_args().once
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        with _alone():
            return _run(is_once=is_once)
    except DemoError as error:
        _say(f"\nThe demo failed. {error}")
    except KeyboardInterrupt:
        _say("\nStopped.")
    return 1


def _run(*, is_once: bool) -> int:
    passwords = {
        "DEMO_PASSWORD": secrets.token_urlsafe(12),
        "DEMO_REGISTRY_PASSWORD": secrets.token_urlsafe(12),
        "DEMO_PARTNER_SECRET": secrets.token_urlsafe(24),
    }
    with running(passwords["DEMO_REGISTRY_PASSWORD"]) as lab:
        _describe(lab)
        expectations = content.fill(lab.source_url)
        _say(f"Filled the first with {len(content.ITEMS)} tags: images, multi-platform indexes, a chart.")
        console = prepare(_DIRECTORY, passwords)
        _say("\nmanage.py apply demo/demo.yaml")
        _say(_indented(console.manage("apply", str(_write_file(lab)))))
        with console.serving():
            summaries = [console.trigger(f"{_SOURCE}/{name}") for name in _RULES]
            _show_executions(summaries)
            findings = inspection.inspect(expectations, lab)
            _show_findings(findings)
            is_right = all(finding.is_right for finding in findings)
            if not is_once:
                _stay_up(console, lab, passwords["DEMO_PASSWORD"])
    _say("Everything is stopped.")
    return 0 if is_right else 1


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of the demo's directory, and begin with an empty one."""
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError("Another demo is running; stop it first.") from None
        shutil.rmtree(_DIRECTORY, ignore_errors=True)
        _DIRECTORY.mkdir(parents=True)
        yield


def _write_file(lab: Lab) -> Path:
    template = string.Template((ROOT / "demo" / "demo.yaml").read_text(encoding="utf-8"))
    path = _DIRECTORY / "demo.yaml"
    path.write_text(
        template.substitute(
            source_url=lab.source_url,
            mirror_url=lab.mirror_url,
            mirror_username=lab.credentials[0],
            partner_url=lab.partner_url,
        ),
        encoding="utf-8",
    )
    return path


def _describe(lab: Lab) -> None:
    if lab.is_real:
        _say("Three real registries (Debian's docker-registry), on loopback:")
    else:
        _say("*" * 78)
        _say("docker-registry or htpasswd is not installed: these are FAKE registries from tests/fakes.")
        _say("For real ones: apt-get install docker-registry apache2-utils")
        _say("*" * 78)
    _say(f"  guangzhou-build      {lab.source_url}   source, account 100000000001 (Acme)")
    _say(f"  shanghai-production  {lab.mirror_url}   target, the same account, with a password")
    _say(f"  singapore-partner    {lab.partner_url}   target, account 100000000002 (Globex)")


def _show_executions(summaries: Sequence[dict[str, Any]]) -> None:
    rows = [("RULE", "TASK", "STATUS", "SUCCESS", "REPOSITORIES", "COPIED", "SKIPPED", "BYTES", "SECONDS")]
    for summary in summaries:
        ratio = summary["success_ratio"]
        rows.append(
            (
                summary["rule"],
                str(summary["task_id"]),
                summary["status"],
                "-" if ratio is None else f"{ratio:.0%}",
                str(summary["repository_count"]),
                str(summary["tags"]["copied"]),
                str(summary["tags"]["skipped"]),
                f"{summary['bytes_copied']:,}",
                f"{summary['duration_seconds'] or 0:.2f}",
            )
        )
    _say("\nTriggered every rule:")
    _say(_table(rows))


def _show_findings(findings: Sequence[Finding]) -> None:
    rows = [("TARGET", "DIGEST", "")]
    for finding in findings:
        expected = finding.expectation
        found = finding.digest[:19] if finding.digest else "absent"
        verdict = "as it must be" if finding.is_right else f"WRONG, expected {expected.digest or 'absent'}"
        rows.append((f"{expected.place}: {expected.repository}:{expected.tag}", found, verdict))
    right_count = sum(finding.is_right for finding in findings)
    _say(f"\nWhat {inspection.client_name()} finds at the targets:")
    _say(_table(rows))
    _say(f"{right_count} of {len(findings)} are right.\n")


def _stay_up(console: Console, lab: Lab, password: str) -> None:
    _say(f"The console: {console.url}")
    _say(f"  sign in as alice@100000000001 (Acme) or bob@100000000002 (Globex), password {password}")
    _say(f"  staff: operator, the same password, {console.url}/admin/")
    _say("The registry shanghai-production: username {}, password {}".format(*lab.credentials))
    _say("The command line, in another shell:")
    _say(f"  set -a; . {console.environment_path}; set +a; .venv/bin/python manage.py status")
    _say("Ctrl-C stops everything.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)
    _say("")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())


def _interrupt(_number: int, _frame: object) -> None:
    """Stop once: a second Ctrl-C must not cut the cleaning up."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
