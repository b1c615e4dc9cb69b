"""
Reads YAML into a tree whose every part knows its line.

Text is kept as it was written: a tag `1.10` stays “1.10” and an Account ID `007` keeps its zeros. It knows no
section and no key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from console.apply.problems import FileRefusedError, Problem

_MAXIMUM_DEPTH = 20
_MAXIMUM_PARTS = 200_000
_TOO_DEEP = "This is nested too deeply, or refers to itself."
_NULL_TAG = "tag:yaml.org,2002:null"
_BOOLEAN_TAG = "tag:yaml.org,2002:bool"
_TEXT_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "timestamp", "value"))


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `value` is the text too, unless YAML makes a truth value or None of it."""

    line: int
    text: str
    value: object


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    items: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and what belongs to them, in their order; `lines` says where each key stands."""

    line: int
    entries: dict[str, Part]
    lines: dict[str, int]


Part = Scalar | Sequence | Mapping


def read(text: str) -> Part | None:
    """
    Return the tree of the only document in the text, None if it is empty.

    Raises FileRefusedError, with line and column, if it is not YAML, repeats a key, or refers to itself.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        builder = _Builder(loader)
        part = None if node is None else builder.build(node, path="", depth=0)
    except yaml.MarkedYAMLError as error:
        raise FileRefusedError([_problem_of(error)]) from None
    except yaml.YAMLError as error:
        raise FileRefusedError([_problem_of_reader(text, error)]) from None
    except RecursionError:
        raise FileRefusedError([Problem(1, "", _TOO_DEEP)]) from None
    if builder.problems:
        raise FileRefusedError(builder.problems)
    return part


class _Builder:
    """Turns YAML's nodes into parts, and notes what YAML allows but we don't."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._count = 0
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, *, path: str, depth: int) -> Part:
        """Return the part for the node; aliases are written out."""
        line = node.start_mark.line + 1
        self._count += 1
        if depth > _MAXIMUM_DEPTH or self._count > _MAXIMUM_PARTS:
            raise FileRefusedError([Problem(line, path, _TOO_DEEP)])
        if isinstance(node, yaml.SequenceNode):
            items = [
                self.build(item, path=f"{path}[{number}]", depth=depth + 1)
                for number, item in enumerate(node.value)
            ]
            return Sequence(line, tuple(items))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        return self._mapping(node, path, depth)

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Scalar:
        line = node.start_mark.line + 1
        value: object = node.value
        if node.tag == _NULL_TAG:
            value = None
        elif node.tag == _BOOLEAN_TAG:
            value = self._loader.construct_yaml_bool(node)
        elif any(character == "\0" or "\ud800" <= character <= "\udfff" for character in node.value):
            self.problems.append(Problem(line, path, "This holds a character that is none."))
        elif node.tag not in _TEXT_TAGS:
            self.problems.append(Problem(line, path, f"The tag {node.tag} is not known here."))
        return Scalar(line, node.value, value)

    def _mapping(self, node: yaml.Node, path: str, depth: int) -> Mapping:
        entries: dict[str, Part] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in self._pairs(node):
            mark = key_node.start_mark
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem(mark.line + 1, path, "A key must be a word.", mark.column + 1))
                continue
            key = key_node.value
            key_path = f"{path}.{key}" if path else key
            if key in entries:
                message = f"This key is there twice, first in line {lines[key]}."
                self.problems.append(Problem(mark.line + 1, key_path, message))
                continue
            lines[key] = mark.line + 1
            entries[key] = self.build(value_node, path=key_path, depth=depth + 1)
        return Mapping(node.start_mark.line + 1, entries, lines)

    def _pairs(self, node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yield the pairs of the mapping; what `<<` merges comes last and never repeats a key."""
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        own: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                merged += [pair for source in sources for pair in self._merged_pairs(source)]
            else:
                own.add(str(key_node.value))
                yield key_node, value_node
        for key_node, value_node in merged:
            if str(key_node.value) not in own:
                own.add(str(key_node.value))
                yield key_node, value_node

    def _merged_pairs(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
        if isinstance(node, yaml.MappingNode):
            return list(self._pairs(node))
        mark = node.start_mark
        self.problems.append(Problem(mark.line + 1, "<<", "Only keys with values can be merged."))
        return []


def _problem_of(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    message = ": ".join(part for part in (error.context, error.problem) if part)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(line, "", f"This is not YAML: {message}.", column)


def _problem_of_reader(text: str, error: yaml.YAMLError) -> Problem:
    position = getattr(error, "position", 0)
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    reason = getattr(error, "reason", "it cannot be read")
    return Problem(line, "", f"This is not YAML: {reason}.", column)
