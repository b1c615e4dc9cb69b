"""
Audits what Regatta is built on: the lock files, the installed packages, the index, known vulnerabilities.

Standard library only, so that it runs before anything is trusted. What cannot be looked up (no index, no
vulnerability service) is said loudly and is not a failure: a build must not depend on somebody's uptime. What
was looked up and found wrong is one.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("runtime.txt", "dev.txt")
AUDITOR = "pip-audit~=2.10"
SUPPORT_ENDS = {"Python 3.11": date(2027, 10, 31), "Django 5.2": date(2028, 4, 30)}
"""When nobody repairs these lines any longer. Source: devguide.python.org/versions, djangoproject.com/download."""

_LOCKED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(?P<version>\S+)(?:\s*;[^\\]*)?\s*\\?")
_TIMEOUT_SECONDS = 300


class NotChecked(Exception):
    """Something could not be looked up; the message says what and why."""


def normal(name: str) -> str:
    """Return a project's name in the form that the index compares. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> tuple[dict[str, str], list[str]]:
    """Return name → version of a lock file, and what is wrong with it: unpinned, unhashed, from elsewhere."""
    pinned: dict[str, str] = {}
    problems: list[str] = []
    hash_count: dict[str, int] = {}
    name = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("--hash=sha256:"):
            hash_count[name] = hash_count.get(name, 0) + 1
            continue
        match = _LOCKED.fullmatch(line)
        if match is None:
            problems.append(f"line {number} is no pinned package: {line}")
            continue
        name = normal(match["name"])
        pinned[name] = match["version"]
    problems += [f"{name} has no hash" for name in pinned if not hash_count.get(name)]
    return pinned, problems


def check_locks() -> list[str]:
    """Return what is wrong with the lock files."""
    problems: list[str] = []
    locks = {}
    for file_name in LOCKS:
        locks[file_name], wrong = read_lock((ROOT / "requirements" / file_name).read_text())
        problems += [f"{file_name}: {sentence}" for sentence in wrong]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "runtime.txt": project["project"]["dependencies"],
        "dev.txt": [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]],
    }
    for file_name, requirements in wanted.items():
        for requirement in requirements:
            name = normal(re.match(r"[\w.-]+", requirement)[0])  # type: ignore[index]
            if name not in locks[file_name]:
                problems.append(f"{file_name}: {name} is missing; run `make lock`")
    differing = {
        name for name in locks["runtime.txt"] if locks["dev.txt"].get(name) != locks["runtime.txt"][name]
    }
    return problems + [f"{name} is locked in two versions; run `make lock`" for name in sorted(differing)]


def check_installed() -> list[str]:
    """Return where the virtual environment is not what the lock file says, or does not fit together."""
    pinned, _problems = read_lock((ROOT / "requirements" / "dev.txt").read_text())
    installed = {normal(one.metadata["Name"]): one.version for one in importlib.metadata.distributions()}
    problems = [
        f"{name} is installed as {installed[name]}, locked as {version}"
        for name, version in pinned.items()
        if name in installed and installed[name] != version
    ]
    fits = _run([sys.executable, "-m", "pip", "check"])
    return problems + ([] if fits.returncode == 0 else fits.stdout.splitlines())


def check_support() -> list[str]:
    """Return what is no longer supported by those who make it."""
    today = datetime.now(UTC).date()
    return [f"{name} is supported no longer since {end}" for name, end in SUPPORT_ENDS.items() if end < today]


def check_index() -> list[str]:
    """Return what the package index has withdrawn, or serves with other bytes than were locked."""
    arguments = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--require-hashes"]
    lock = str(ROOT / "requirements" / "runtime.txt")
    tried = _run([sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check", "-r", lock])
    said = tried.stderr.splitlines()
    wrong = [line for line in said if "yanked" in line.lower() or "DO NOT MATCH" in line]
    if tried.returncode != 0 and not wrong:
        raise NotChecked(f"the package index does not have everything: {said[-1] if said else 'no answer'}")
    return wrong


def check_vulnerabilities() -> list[str]:
    """Return the known vulnerabilities of the locked packages."""
    lock = str(ROOT / "requirements" / "dev.txt")
    runner = [
        str(Path(sys.executable).with_name("uv")),
        "tool",
        "run",
        "--quiet",
        "--from",
        AUDITOR,
        "pip-audit",
    ]
    audited = _run(
        [*runner, "--disable-pip", "--require-hashes", "-r", lock, "--format", "json", "--timeout", "10"]
    )
    try:
        packages = json.loads(audited.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = audited.stderr.strip().splitlines()[-1:] or ["no answer"]
        raise NotChecked(f"pip-audit did not work: {last[0]}") from None
    return read_audit(packages)


def read_audit(packages: list[dict[str, object]]) -> list[str]:
    """
    Return the vulnerabilities that pip-audit found; raises NotChecked if it found none but skipped packages.

    It takes a service that does not know a package for "no vulnerabilities", and ends with success.
    """
    found = []
    for package in packages:
        vulnerabilities = package.get("vulns")
        for one in vulnerabilities if isinstance(vulnerabilities, list) else []:
            repaired = ", ".join(one.get("fix_versions", [])) or "no version yet"
            found.append(f"{package['name']} {package['version']}: {one['id']}, repaired in {repaired}")
    skipped = [package for package in packages if "skip_reason" in package]
    if skipped and not found:
        raise NotChecked(
            f"the vulnerability service answered for {len(packages) - len(skipped)} of {len(packages)} packages"
        )
    return found


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotChecked(f"{Path(command[0]).name} did not work: {error}") from None


def main() -> int:
    """Run all checks and print what they say; return 1 if something is wrong."""
    checks: dict[str, Callable[[], list[str]]] = {
        "lock files are pinned, hashed and complete": check_locks,
        "what is installed is what is locked, and fits together": check_installed,
        "Python and Django are supported": check_support,
        "nothing is withdrawn from the index, and all hashes match": check_index,
        "no known vulnerabilities": check_vulnerabilities,
    }
    status = 0
    for claim, check in checks.items():
        try:
            problems = check()
        except NotChecked as reason:
            print(f"  NOT CHECKED  {claim}: {reason}")
            continue
        print(f"  {'WRONG' if problems else 'ok':<11}  {claim}")
        for problem in problems:
            print(f"               {problem}")
        status |= bool(problems)
    return status


if __name__ == "__main__":
    sys.exit(main())
