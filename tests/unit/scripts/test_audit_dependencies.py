"""The dependency audit finds what is wrong with locks, and never calls "nobody answered" a clean bill."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/audit_dependencies.py"
_spec = importlib.util.spec_from_file_location("audit_dependencies", SCRIPT)
assert _spec
assert _spec.loader
audit = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(audit)

GOOD = """\
# a comment
PyYAML==6.0.3 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via regatta
psycopg[binary]==3.3.9 ; python_version >= "3" \\
    --hash=sha256:cc
"""


class TestReadLock:
    def test_reads_names_and_versions(self):
        assert audit.read_lock(GOOD) == ({"pyyaml": "6.0.3", "psycopg": "3.3.9"}, [])

    @pytest.mark.parametrize(
        "line", ["pyyaml>=6", "pyyaml", "-e .", "pyyaml @ https://elsewhere.example/p.whl", "-r other.txt"]
    )
    def test_finds_what_is_not_pinned(self, line):
        _pinned, problems = audit.read_lock(f"{GOOD}{line}\n")
        assert problems == [f"line 8 is no pinned package: {line}"]

    def test_finds_what_has_no_hash(self):
        assert audit.read_lock(f"{GOOD}attrs==26.1.0\n")[1] == ["attrs has no hash"]


class TestReadAudit:
    def test_tells_what_is_vulnerable_and_what_repairs_it(self):
        package = {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2", "3"]}]}
        skipped = {"name": "b", "skip_reason": "not found"}
        assert audit.read_audit([package, skipped]) == ["a 1: CVE-1, repaired in 2, 3"]

    def test_does_not_take_silence_for_no_vulnerabilities(self):
        packages = [{"name": "a", "skip_reason": "not found"}, {"name": "b", "version": "1", "vulns": []}]
        with pytest.raises(audit.NotChecked, match="1 of 2 packages"):
            audit.read_audit(packages)

    def test_is_empty_when_every_package_was_looked_up(self):
        assert audit.read_audit([{"name": "b", "version": "1", "vulns": []}]) == []


def test_the_lock_files_of_this_tree_are_right():
    assert audit.check_locks() == []


def test_a_line_that_has_ended_is_named(monkeypatch):
    monkeypatch.setitem(audit.SUPPORT_ENDS, "Django 1.0", audit.date(2011, 4, 13))
    assert audit.check_support() == ["Django 1.0 is supported no longer since 2011-04-13"]
