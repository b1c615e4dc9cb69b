"""What a fake server answers, as plain values; `server.py` is what writes them to a socket."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.content import Content, InMemory


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A response before any fault is applied.

    A HEAD is answered like a GET: the server leaves the body out and keeps its length.
    `start` and `stop` choose the part of the content that is sent; `stop` of None means its end.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content | bytes = b""
    start: int = 0
    stop: int | None = None

    @property
    def source(self) -> Content:
        """Return the content as something that can be read in chunks."""
        return InMemory(self.content) if isinstance(self.content, bytes) else self.content


class RefusedError(Exception):
    """
    A request that the registry answers with an error of the distribution spec.

    With details there is one error for each, as for the blobs that a manifest lacks.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(f"{status} {code} {message}")
        error = {"code": code, "message": message or code.lower()}
        errors = [{**error, "detail": detail} for detail in details] or [error]
        self.answer = json_answer(status, {"errors": errors}, headers)


def json_answer(status: int, document: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with a JSON body."""
    content = json.dumps(document).encode()
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, content)


def text_answer(status: int, text: str) -> Answer:
    """Return an answer in plain words, as servers give where no operation of the spec is meant."""
    return Answer(status, {"Content-Type": "text/plain; charset=utf-8"}, f"{status} {text}\n".encode())
