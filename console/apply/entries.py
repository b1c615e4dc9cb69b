"""Turns a tree into entries by the schema: keys known, required ones there, values of the right kind."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console.apply import document
from console.apply.problems import Problem
from console.apply.schema import FILE, Key, Kind

_ENVIRONMENT = "_env"


@dataclass(slots=True)
class Entry:
    """
    One object of a file: values by key, and where each key stands.

    `is_usable` is False if a required key is missing or a value is of the wrong kind.
    """

    path: str
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    is_usable: bool = True

    def text(self, key: str, default: str = "") -> str:
        """Return the text of the key, the default if the file has none."""
        value: str = self.values.get(key, default)
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return the truth value of the key, the default if the file has none."""
        value: bool = self.values.get(key, default)
        return value

    def has_any(self, *keys: str) -> bool:
        """Tell whether the file has one of the keys."""
        return any(key in self.values for key in keys)

    def problem(self, key: str, message: str) -> Problem:
        """Return a problem at the key, at the entry itself if the key is not there."""
        if key not in self.lines and key + _ENVIRONMENT in self.lines:
            key += _ENVIRONMENT
        return Problem(self.lines.get(key, self.line), f"{self.path}.{key}" if key else self.path, message)


class Reader:
    """Reads the sections of one file; what is wrong is collected in `problems`."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables
        self.problems: list[Problem] = []

    def read(self, root: document.Part | None) -> dict[str, list[Entry]]:
        """Return the entries of every section; a section that the file lacks is empty."""
        sections: dict[str, list[Entry]] = {name: [] for name in FILE}
        if root is None:
            self.problems.append(Problem(1, "", f"The file is empty. It may hold: {', '.join(FILE)}."))
        elif not isinstance(root, document.Mapping):
            self.problems.append(Problem(root.line, "", f"Write sections: {', '.join(FILE)}."))
        else:
            top = self._entry(root, "", FILE)
            sections |= {name: value for name, value in top.values.items() if name in sections}
        return sections

    def _entry(self, part: document.Mapping, path: str, keys: Mapping[str, Key]) -> Entry:
        entry = Entry(path, part.line, lines=dict(part.lines))
        known = [*keys, *(name + _ENVIRONMENT for name, key in keys.items() if key.kind is Kind.SECRET)]
        for name, value in part.entries.items():
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean “{close[0]}”?" if close else f" Known here: {', '.join(known)}."
                self._note(entry, name, f"There is no such key.{hint}")
            elif name in keys:
                self._value(entry, name, keys[name], value)
            else:
                self._from_environment(entry, name, value, part)
        for name, key in keys.items():
            if key.is_required and name not in entry.values and not self._has_noted(entry, name):
                self._note(entry, name, "This key is missing or empty.", spoils=True)
        return entry

    def _value(self, entry: Entry, name: str, key: Key, part: document.Part) -> None:
        if isinstance(part, document.Scalar) and part.value is None:
            return
        if key.kind is Kind.ENTRIES:
            self._entries(entry, name, key, part)
        elif key.kind is Kind.TEXTS:
            self._texts(entry, name, part)
        elif not isinstance(part, document.Scalar):
            self._note(entry, name, "Write a single value.", spoils=True)
        elif key.kind is Kind.BOOLEAN:
            if isinstance(part.value, bool):
                entry.values[name] = part.value
            else:
                self._note(entry, name, "Write true or false.", spoils=True)
        elif key.choices and part.text not in key.choices:
            self._note(
                entry, name, f"“{part.text}” is none of {', '.join(sorted(key.choices))}.", spoils=True
            )
        elif part.text or not key.is_required:
            entry.values[name] = part.text

    def _entries(self, entry: Entry, name: str, key: Key, part: document.Part) -> None:
        if not isinstance(part, document.Sequence):
            self._note(entry, name, "Write a list: each object begins with “-”.", spoils=True)
            return
        path = f"{entry.path}.{name}" if entry.path else name
        found: list[Entry] = []
        for number, item in enumerate(part.items):
            if isinstance(item, document.Mapping):
                found.append(self._entry(item, f"{path}[{number}]", key.entries))
            else:
                self.problems.append(Problem(item.line, f"{path}[{number}]", "Write keys with values."))
        entry.values[name] = found

    def _texts(self, entry: Entry, name: str, part: document.Part) -> None:
        items = part.items if isinstance(part, document.Sequence) else (part,)
        if all(isinstance(item, document.Scalar) for item in items):
            entry.values[name] = [item.text for item in items if isinstance(item, document.Scalar)]
        else:
            self._note(entry, name, "Write a list of names.", spoils=True)

    def _from_environment(
        self, entry: Entry, name: str, part: document.Part, holder: document.Mapping
    ) -> None:
        plain_name = name.removesuffix(_ENVIRONMENT)
        variable = part.text if isinstance(part, document.Scalar) else ""
        value = self._variables.get(variable, "")
        if plain_name in holder.entries:
            self._note(entry, name, f"Write {plain_name} or {name}, not both.", spoils=True)
        elif not value:
            message = f"The environment has no variable “{variable}”, or it is empty."
            self._note(entry, name, message, spoils=True)
        else:
            entry.values[plain_name] = value

    def _has_noted(self, entry: Entry, name: str) -> bool:
        prefix = f"{entry.path}.{name}"
        return any(problem.path in {prefix, prefix + _ENVIRONMENT} for problem in self.problems)

    def _note(self, entry: Entry, key: str, message: str, *, spoils: bool = False) -> None:
        path = f"{entry.path}.{key}" if entry.path else key
        self.problems.append(Problem(entry.lines.get(key, entry.line), path, message))
        if spoils:
            entry.is_usable = False
