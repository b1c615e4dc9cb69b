"""`manage.py apply`: exit codes and output."""

import io

import pytest

from registries.models import Account
from tests.unit.console.apply.conftest import BASE, RULE

pytestmark = pytest.mark.django_db


@pytest.fixture
def write(tmp_path):
    def write(text) -> str:
        path = tmp_path / "file.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


class TestApply:
    def test_prints_a_line_for_each_object(self, run, write):
        result = run("apply", write(BASE + RULE), "--no-check")
        assert result.code == 0
        assert result.errors == ""
        lines = result.output.splitlines()
        assert lines[0] == "created   account    100000000001"
        assert lines[-2] == "created   rule       100000000001/source/nightly"
        assert lines[-1] == "9 created, 0 changed, 0 unchanged."

    def test_names_the_keys_that_changed(self, run, write):
        run("apply", write(BASE + RULE), "--no-check")
        result = run("apply", write(BASE + RULE + "    tag: v*\n    override: on\n"), "--no-check")
        assert "changed   rule       100000000001/source/nightly  (tag, override)" in result.output
        assert result.output.endswith("0 created, 1 changed, 8 unchanged.\n")

    def test_prints_one_json_object(self, run, write):
        path = write(BASE + RULE)
        document = run("apply", path, "--no-check", "--json").document
        assert document["file"] == path
        assert document["is_applied"] is True
        assert document["counts"] == {"created": 9, "changed": 0, "unchanged": 0}
        assert document["warnings"] == []
        source = next(change for change in document["changes"] if change["name"] == "100000000001/source")
        assert source.pop("id").startswith("tcr-")
        assert source == {
            "kind": "instance",
            "name": "100000000001/source",
            "status": "created",
            "fields": [],
        }

    def test_says_that_a_dry_run_saves_nothing(self, run, write):
        result = run("apply", write(BASE), "--no-check", "--dry-run")
        assert result.code == 0
        assert "Dry run, nothing was saved: 8 created" in result.output
        assert "tcr-" not in result.output
        assert not Account.objects.exists()

    def test_warns_on_standard_error(self, run, write):
        path = write(BASE.replace("correct-horse-7", "weak", 1))
        result = run("apply", path, "--no-check")
        assert result.code == 0
        assert result.errors.startswith(
            f"{path}:5: accounts[0].users[0].password: This password is too short"
        )

    def test_reads_standard_input(self, run, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO(BASE))
        assert run("apply", "-", "--no-check").code == 0
        assert Account.objects.count() == 2


class TestRefusal:
    def test_names_file_line_and_key_and_ends_with_two(self, run, write):
        path = write((BASE + RULE).replace("name: nightly", "name: X").replace("ap-tokyo", "mars"))
        result = run("apply", path, "--no-check")
        assert result.code == 2
        assert result.output == ""
        first, second, last = result.errors.splitlines()
        assert first == f"{path}:14: instances[2].region: There is no region “mars”."
        assert second.startswith(f"{path}:19: rules[0].name: Use up to 255")
        assert last == "Nothing was applied: 2 problems."
        assert not Account.objects.exists()

    def test_prints_the_problems_as_json_too(self, run, write):
        result = run("apply", write("rules: [\n"), "--json")
        assert result.code == 2
        document = result.document
        assert document["is_applied"] is False
        (error,) = document["errors"]
        assert (error["line"], error["column"], error["path"]) == (2, 1, None)

    @pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
    def test_refuses_a_file_that_cannot_be_read(self, run, tmp_path, content):
        path = tmp_path / "file.yaml"
        if content is not None:
            path.write_bytes(content)
        result = run("apply", str(path))
        assert result.code == 2
        assert str(path) in result.errors

    def test_never_prints_a_secret(self, run, write):
        secrets = ["s3cret-of-robot", "s3cret-of-foreign", "correct-horse-7"]
        broken = (BASE + RULE).replace("username: robot,", "").replace("[project]", "[A]")
        for text in (BASE + RULE, broken):
            for option in ([], ["--json"], ["--dry-run"]):
                result = run("apply", write(text), "--no-check", *option)
                assert not [secret for secret in secrets if secret in result.output + result.errors]
