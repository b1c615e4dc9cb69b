"""YAML as a tree that knows its lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.apply import document
from console.apply.problems import FileRefusedError, Problem


def read(text) -> document.Mapping:
    part = document.read(text)
    assert isinstance(part, document.Mapping)
    return part


def problems_of(text) -> list[Problem]:
    with pytest.raises(FileRefusedError) as caught:
        document.read(text)
    return caught.value.problems


class TestRead:
    def test_knows_the_line_of_every_key_and_value(self):
        part = read("a: 1\nb:\n  - x: 2\n    y: 3\n")
        assert part.lines == {"a": 1, "b": 2}
        items = part.entries["b"]
        assert isinstance(items, document.Sequence)
        item = items.items[0]
        assert isinstance(item, document.Mapping)
        assert (item.line, item.lines) == (3, {"x": 3, "y": 4})

    @pytest.mark.parametrize("text", ["1.10", "007", "0x1F", "1e3", "2024-11-01", "10:30", "latest", "v1"])
    def test_keeps_text_as_it_was_written(self, text):
        part = read(f"tag: {text}\n").entries["tag"]
        assert isinstance(part, document.Scalar)
        assert part.text == part.value == text

    @pytest.mark.parametrize(
        ("text", "value"),
        [("true", True), ("no", False), ("On", True), ("null", None), ("~", None), ("", None)],
    )
    def test_knows_truth_values_and_nothing(self, text, value):
        part = read(f"key: {text}\n").entries["key"]
        assert isinstance(part, document.Scalar)
        assert part.value is value

    def test_takes_quoted_words_as_text(self):
        part = read("key: 'true'\n").entries["key"]
        assert isinstance(part, document.Scalar)
        assert part.value == "true"

    @pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
    def test_reads_an_empty_document_as_nothing(self, text):
        part = document.read(text)
        assert part is None or (isinstance(part, document.Scalar) and part.value is None)

    def test_writes_anchors_out(self):
        part = read("a: &x {k: 1}\nb: *x\n")
        assert part.entries["a"] == part.entries["b"]

    def test_merges_mappings_without_repeating_keys(self):
        part = read("base: &x {k: 1, l: 2}\nitem:\n  <<: *x\n  k: 3\n")
        item = part.entries["item"]
        assert isinstance(item, document.Mapping)
        texts = {key: value.text for key, value in item.entries.items() if isinstance(value, document.Scalar)}
        assert texts == {"k": "3", "l": "2"}

    def test_merges_what_was_merged(self):
        part = read("a: &a {k: 1}\nb: &b {<<: *a, l: 2}\nc: {<<: [*b]}\n")
        item = part.entries["c"]
        assert isinstance(item, document.Mapping)
        assert list(item.entries) == ["l", "k"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "line", "column"),
        [
            ("a: [1, 2\nb: 3\n", 2, 2),
            ("a: 1\n b: 2\n", 2, 3),
            ("a:\n\t- x\n", 2, 1),
            ("a: 'open\n", 2, 1),
            ("a: *nowhere\n", 1, 4),
            ("a: 1\n---\nb: 2\n", 2, 1),
            ("a: \x01\n", 1, 4),
        ],
    )
    def test_names_line_and_column_of_what_is_not_yaml(self, text, line, column):
        (problem,) = problems_of(text)
        assert (problem.line, problem.column) == (line, column)

    def test_names_both_places_of_a_repeated_key(self):
        problems = problems_of("rules:\n  - name: a\n    tag: x\n    name: b\n")
        assert problems == [Problem(4, "rules[0].name", "This key is there twice, first in line 2.")]

    def test_names_every_repeated_key(self):
        assert [problem.line for problem in problems_of("a: 1\na: 2\nb: 1\nb: 2\n")] == [2, 4]

    def test_refuses_a_document_that_refers_to_itself(self):
        assert "refers to itself" in problems_of("a: &x\n  b: *x\n")[0].message

    @pytest.mark.parametrize("text", ["[" * 5000, "a: &x {<<: *x}\n", "- " * 3000 + "x"])
    def test_refuses_a_document_that_is_nested_too_deeply(self, text):
        assert problems_of(text)

    def test_refuses_a_document_that_would_grow_without_bound(self):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        assert problems_of("\n".join(lines))

    @pytest.mark.parametrize("tag", ["!!python/object:os.system", "!mine", "!!binary"])
    def test_refuses_tags(self, tag):
        assert "is not known here" in problems_of(f"a: {tag} x\n")[0].message

    @pytest.mark.parametrize("escape", ["\\0", "\\ud800"])
    def test_refuses_characters_that_no_database_takes(self, escape):
        assert problems_of(f'a: "x{escape}"\n') == [Problem(1, "a", "This holds a character that is none.")]

    def test_refuses_a_key_that_is_no_word(self):
        assert problems_of("? [a, b]\n: 1\n")[0].message == "A key must be a word."

    @given(st.text(max_size=60))
    def test_refuses_or_reads_whatever_it_gets(self, text):
        lines = [1]
        try:
            document.read(text)
        except FileRefusedError as refusal:
            lines = [problem.line for problem in refusal.problems]
        assert min(lines) >= 1
