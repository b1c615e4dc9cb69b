"""Entries of a file: known keys, required keys, values of the right kind."""

import pytest

from console.apply import document
from console.apply.entries import Entry, Reader
from console.apply.problems import Problem


def read(text, **variables: str) -> tuple[dict[str, list[Entry]], list[Problem]]:
    reader = Reader(variables)
    sections = reader.read(document.read(text))
    return sections, sorted(reader.problems)


def shown(text, **variables: str) -> list[str]:
    return [problem.show("f.yaml") for problem in read(text, **variables)[1]]


RULE = "rules:\n- source: a\n  name: b\n  namespace: c\n  target: d\n"


class TestReader:
    def test_reads_values_and_leaves_out_what_is_empty(self):
        sections, problems = read(RULE + "  tag: 1.10\n  override: yes\n  description:\n")
        assert problems == []
        (entry,) = sections["rules"]
        assert entry.values == {
            "source": "a",
            "name": "b",
            "namespace": "c",
            "target": "d",
            "tag": "1.10",
            "override": True,
        }
        assert entry.is_usable

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("  tags: v1\n", "f.yaml:6: rules[0].tags: There is no such key. Did you mean “tag”?"),
            ("  type: binary\n", "f.yaml:6: rules[0].type: “binary” is none of both, chart, image."),
            ("  override: maybe\n", "f.yaml:6: rules[0].override: Write true or false."),
            ("  override: 1\n", "f.yaml:6: rules[0].override: Write true or false."),
            ("  tag: [a]\n", "f.yaml:6: rules[0].tag: Write a single value."),
            ("  tag: {a: b}\n", "f.yaml:6: rules[0].tag: Write a single value."),
            (
                "  target_password_env: NOT_SET\n",
                "f.yaml:6: rules[0].target_password_env: "
                "The environment has no variable “NOT_SET”, or it is empty.",
            ),
        ],
    )
    def test_names_line_and_key(self, line, message):
        assert shown(RULE + line) == [message]

    def test_lists_the_known_keys_where_none_is_close(self):
        assert "Known here: uin, name, users." in shown("accounts:\n- {uin: 12345, name: A, xyz: 1}\n")[0]

    def test_names_every_missing_key(self):
        assert shown("rules:\n- source: a\n  name:\n") == [
            "f.yaml:2: rules[0].namespace: This key is missing or empty.",
            "f.yaml:2: rules[0].target: This key is missing or empty.",
            "f.yaml:3: rules[0].name: This key is missing or empty.",
        ]

    def test_names_the_keys_of_users_inside_accounts(self):
        text = "accounts:\n- uin: 12345\n  name: A\n  users:\n  - username: u\n    rol: owner\n"
        assert shown(text) == [
            "f.yaml:5: accounts[0].users[0].role: This key is missing or empty.",
            "f.yaml:6: accounts[0].users[0].rol: There is no such key. Did you mean “role”?",
        ]

    def test_takes_secrets_from_the_environment(self):
        sections, problems = read(RULE + "  target_password_env: SECRET\n", SECRET="from outside")
        assert problems == []
        assert sections["rules"][0].text("target_password") == "from outside"

    def test_refuses_a_secret_from_two_places(self):
        text = RULE + "  target_password: x\n  target_password_env: SECRET\n"
        assert shown(text, SECRET="y") == [
            "f.yaml:7: rules[0].target_password_env: Write target_password or target_password_env, not both."
        ]

    def test_takes_only_secrets_from_the_environment(self):
        assert "There is no such key" in shown(RULE + "  tag_env: HOME\n", HOME="/root")[0]

    def test_counts_a_required_secret_from_the_environment(self):
        assert shown("credentials:\n- {instance: a, secret_env: S}\n", S="x") == []
        (message,) = shown("credentials:\n- {instance: a, secret_env: S}\n")
        assert message.startswith("f.yaml:2: credentials[0].secret_env: The environment has no variable")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "f.yaml:1: The file is empty."),
            ("- rules\n", "f.yaml:1: Write sections:"),
            ("just words\n", "f.yaml:1: Write sections:"),
            ("rule: []\n", "f.yaml:1: rule: There is no such key. Did you mean “rules”?"),
            ("rules: {}\n", "f.yaml:1: rules: Write a list: each object begins with “-”."),
            ("rules: x\n", "f.yaml:1: rules: Write a list: each object begins with “-”."),
            ("rules:\n- x\n", "f.yaml:2: rules[0]: Write keys with values."),
            ("accounts:\n- {uin: 1, name: a, users: x}\n", "f.yaml:2: accounts[0].users: Write a list"),
            (
                "credentials:\n- {instance: a, secret: b, namespaces: [[x]]}\n",
                "f.yaml:2: credentials[0].namespaces: Write a list of names.",
            ),
        ],
    )
    def test_refuses_another_shape(self, text, message):
        (shown_message,) = shown(text)
        assert shown_message.startswith(message)

    def test_reads_an_empty_section_as_no_objects(self):
        sections, problems = read("rules:\naccounts: []\n")
        assert problems == []
        assert sections["rules"] == sections["accounts"] == []

    def test_takes_one_name_for_a_list_of_names(self):
        sections, _problems = read("credentials:\n- {instance: a, secret: b, namespaces: team}\n")
        assert sections["credentials"][0].values["namespaces"] == ["team"]
