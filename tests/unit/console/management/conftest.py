"""Runs a command as the shell would, and returns what a shell would see."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Result:
    """Exit code and output of one command."""

    code: int
    output: str
    errors: str

    @property
    def document(self) -> Any:
        """The output as JSON."""
        return json.loads(self.output)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Return a function that runs `manage.py <arguments>`."""

    def execute(*arguments: str) -> Result:
        output, errors = io.StringIO(), io.StringIO()
        code = 0
        try:
            call_command(*arguments, stdout=output, stderr=errors)
        except CommandError as error:
            code = error.returncode
            errors.write(str(error))
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        return Result(code, output.getvalue(), errors.getvalue())

    return execute
