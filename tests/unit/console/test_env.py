"""Reading the environment: values, files, and a sentence for each mistake."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from console.env import Environment, parse_database_url, parse_vault_keys

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


def env(**variables: str) -> Environment:
    return Environment({f"REGATTA_{name}": value for name, value in variables.items()})


class TestFind:
    def test_reads_a_file_where_the_variable_names_one(self, tmp_path):
        (tmp_path / "secret").write_text("from the file\n")
        assert env(KEY_FILE=str(tmp_path / "secret")).find("KEY") == "from the file"

    def test_refuses_a_variable_that_is_given_twice(self, tmp_path):
        with pytest.raises(ImproperlyConfigured, match="REGATTA_KEY or REGATTA_KEY_FILE"):
            env(KEY="a", KEY_FILE="b").find("KEY")

    def test_names_a_file_that_cannot_be_read(self):
        with pytest.raises(ImproperlyConfigured, match="REGATTA_KEY_FILE: cannot read /nowhere"):
            env(KEY_FILE="/nowhere").find("KEY")


class TestTypes:
    def test_names_what_is_missing(self):
        with pytest.raises(ImproperlyConfigured, match="REGATTA_NAME is not set"):
            env().text("NAME")

    @pytest.mark.parametrize(("text", "expected"), [("true", True), ("0", False), ("On", True), ("", False)])
    def test_reads_truth_values(self, text, expected):
        assert env(FLAG=text).boolean("FLAG") is expected

    def test_refuses_what_is_no_truth_value(self):
        with pytest.raises(ImproperlyConfigured, match="REGATTA_FLAG must be true or false"):
            env(FLAG="perhaps").boolean("FLAG")

    @pytest.mark.parametrize("text", ["many", "1.5", "0"])
    def test_refuses_what_is_no_number_or_too_small(self, text):
        with pytest.raises(ImproperlyConfigured, match="REGATTA_COUNT must be"):
            env(COUNT=text).integer("COUNT", 3, minimum=1)

    def test_keeps_a_generated_secret(self, tmp_path):
        first = env().secret("KEY", generated_at=tmp_path / "deep" / "key")
        assert first == env().secret("KEY", generated_at=tmp_path / "deep" / "key")
        assert (tmp_path / "deep" / "key").stat().st_mode & 0o077 == 0

    def test_generates_no_secret_in_production(self):
        with pytest.raises(ImproperlyConfigured, match="REGATTA_KEY"):
            env().secret("KEY", generated_at=None)


class TestVaultKeys:
    def test_keeps_the_order(self):
        assert list(parse_vault_keys(f"new:{KEY}, old:{KEY}", name="X")) == ["new", "old"]

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ("", "no key"),
            ("a:zzz", "32 bytes"),
            ("a:%%%", "base64|32 bytes"),
            (f"a:{KEY},a:{KEY}", "repeated"),
        ],
    )
    def test_refuses_a_malformed_ring_without_showing_it(self, value, words):
        with pytest.raises(ImproperlyConfigured, match=words) as caught:
            parse_vault_keys(value, name="REGATTA_VAULT_KEYS")
        assert "REGATTA_VAULT_KEYS" in str(caught.value)
        assert KEY not in str(caught.value)


class TestDatabaseUrl:
    def test_reads_postgresql_with_escapes(self):
        parsed = parse_database_url("postgresql://me:p%40ss@db:6432/regatta?sslmode=require", name="X")
        assert (parsed["USER"], parsed["PASSWORD"], parsed["HOST"], parsed["PORT"]) == (
            "me",
            "p@ss",
            "db",
            "6432",
        )
        assert parsed["OPTIONS"] == {"sslmode": "require"}

    def test_reads_an_absolute_sqlite_path(self):
        assert parse_database_url("sqlite:////var/lib/r.sqlite3", name="X")["NAME"] == "/var/lib/r.sqlite3"

    @pytest.mark.parametrize(
        "value", ["mysql://x/y", "postgresql://host", "sqlite:///", "postgresql://h:port/x", "x"]
    )
    def test_names_the_variable_when_it_is_malformed(self, value):
        with pytest.raises(ImproperlyConfigured, match="REGATTA_DATABASE_URL"):
            parse_database_url(value, name="REGATTA_DATABASE_URL")
