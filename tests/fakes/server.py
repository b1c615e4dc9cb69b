"""
A real HTTP server in its own thread that logs what it is asked and misbehaves on request.

It knows no protocol above HTTP: what to answer is up to the handler it is given.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping

from tests.fakes.answers import Answer, RefusedError
from tests.fakes.faults import Fault, FaultList
from tests.fakes.loop_thread import LoopThread

logger = logging.getLogger(__name__)

READ_BUFFER_BYTES = 512 * 1024
NO_FAULT = Fault()


@dataclass(slots=True, eq=False)
class LoggedRequest:
    """A request as it arrived; `status` is 0 and `response_bytes` grows until it has been answered."""

    method: str
    path: str
    raw_query: str
    query: MultiMapping[str]
    headers: CIMultiDictProxy[str]
    arrived_at: float
    status: int = 0
    request_bytes: int = 0
    response_bytes: int = 0

    @property
    def has_authorization(self) -> bool:
        """Tell whether the request carried credentials of any kind."""
        return "Authorization" in self.headers

    def __str__(self) -> str:
        query = f"?{self.raw_query}" if self.raw_query else ""
        return f"{self.method} {self.path}{query} -> {self.status}"


class ConnectionCutError(Exception):
    """The connection is to be closed without (more of) an answer."""


class Call:
    """A request on its way through a handler."""

    __slots__ = ("_fault", "_request", "logged")

    def __init__(self, request: web.BaseRequest, logged: LoggedRequest, fault: Fault | None) -> None:
        self._request = request
        self._fault = fault
        self.logged = logged

    @property
    def method(self) -> str:
        """Return the method in upper case."""
        return self.logged.method

    @property
    def path(self) -> str:
        """Return the decoded path."""
        return self.logged.path

    @property
    def origin(self) -> str:
        """Return scheme, host and port as the client knows them, so that a relay in between stays in use."""
        return f"http://{self.logged.headers['Host']}"

    @property
    def query(self) -> MultiMapping[str]:
        """Return the decoded query parameters."""
        return self.logged.query

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Return the request's headers."""
        return self.logged.headers

    @property
    def loses_upload(self) -> bool:
        """Tell whether a fault wants the upload session of this request forgotten."""
        return self._fault is not None and self._fault.lose_upload

    async def chunks(self) -> AsyncIterator[bytes]:
        """
        Yield the request's body as it arrives.

        Raises ConnectionCutError once a fault has seen enough of it; the bytes before were yielded.
        """
        limit = self._fault.cut_request_after if self._fault else None
        async for arrived in self._request.content.iter_any():
            chunk = arrived if limit is None else arrived[: limit - self.logged.request_bytes]
            self.logged.request_bytes += len(chunk)
            if chunk:
                yield chunk
            if limit is not None and self.logged.request_bytes >= limit:
                raise ConnectionCutError
        if limit is not None:
            raise ConnectionCutError

    async def body(self) -> bytes:
        """Return the whole body of the request."""
        return b"".join([chunk async for chunk in self.chunks()])


Handler = Callable[[Call], Awaitable[Answer]]


class FaultyServer:
    """
    A server on a free loopback port that hands each request to one handler.

    `peak_concurrency` is the largest number of requests that were in flight at once. An exception
    of the handler is answered 500 and kept in `crashes`, so that a broken fake fails its test.
    """

    def __init__(self, handler: Handler, *, is_logging: bool = True) -> None:
        self.requests: list[LoggedRequest] = []
        self.faults = FaultList()
        self.crashes: list[Exception] = []
        self.peak_concurrency = 0
        self.port = 0
        self._handler = handler
        self._is_logging = is_logging
        self._in_flight = 0
        self._loop: LoopThread | None = None
        self._web_server: web.Server | None = None
        self._listener: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Return the server's address without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.stop()
        if self.crashes and kind is None:
            raise self.crashes[0]

    def start(self) -> None:
        """Begin to listen; on the same port as before if the server ran already."""
        self._loop = LoopThread(type(self).__name__)
        self._loop.run(self._listen())

    def stop(self) -> None:
        """Cut all connections and refuse new ones. The log, and what the handler knows, stay."""
        if self._loop is None:
            return
        self._loop.run(self._hang_up())
        self._loop.stop()
        self._loop = None

    def fault(self, fault: Fault) -> Fault:
        """Misbehave as the fault says, from now on."""
        self.faults.add(fault)
        return fault

    def count(self, method: str | None = None, path_regex: str | None = None) -> int:
        """Return how many logged requests have this method and a path in which the regex is found."""
        return len(self.requests_of(method, path_regex))

    def requests_of(self, method: str | None = None, path_regex: str | None = None) -> list[LoggedRequest]:
        """Return the logged requests with this method and a path in which the regex is found."""
        return [
            request
            for request in self.requests
            if (method is None or request.method == method)
            and (path_regex is None or re.search(path_regex, request.path))
        ]

    def clear_log(self) -> None:
        """Forget the requests so far, and the peak of concurrency."""
        self.requests.clear()
        self.peak_concurrency = self._in_flight

    async def _listen(self) -> None:
        self._web_server = web.Server(
            self._serve, access_log=None, auto_decompress=False, read_bufsize=READ_BUFFER_BYTES
        )
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._web_server, "127.0.0.1", self.port, backlog=1024)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._web_server is not None:
            await self._web_server.shutdown(timeout=0.01)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        url = request.rel_url
        raw_query = url.raw_query_string
        logged = LoggedRequest(
            request.method, url.path, raw_query, url.query, request.headers, time.monotonic()
        )
        if self._is_logging:
            self.requests.append(logged)
        self._in_flight += 1
        self.peak_concurrency = max(self.peak_concurrency, self._in_flight)
        try:
            fault = self.faults.take(request.method, url.path, raw_query)
            call = Call(request, logged, fault)
            answer = await self._answer(call, fault)
            if fault is None and isinstance(answer.content, bytes):
                return _plain_response(call, answer, answer.content)
            return await _stream(request, call, answer, fault or NO_FAULT)
        except (ConnectionCutError, ConnectionError):
            # Closing sends what was written before; aiohttp then drops the response it is given here
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        finally:
            self._in_flight -= 1

    async def _answer(self, call: Call, fault: Fault | None) -> Answer:
        try:
            if fault is not None:
                await _hold(fault)
                if fault.cut_request_after == 0:
                    raise ConnectionCutError
                if fault.answers_itself:
                    return _fault_answer(call, fault)
            answer = await self._handler(call)
        except RefusedError as refusal:
            answer = refusal.answer
        except (ConnectionCutError, ConnectionError):
            raise
        except Exception as error:
            logger.exception("%s %s crashed", call.method, call.path)
            self.crashes.append(error)
            answer = Answer(500)
        if fault is not None and fault.lose_answer:
            call.logged.status = answer.status
            raise ConnectionCutError
        return answer


async def _hold(fault: Fault) -> None:
    if fault.delay_seconds:
        await asyncio.sleep(fault.delay_seconds)
    if fault.gate is not None:
        fault.gate.arrive()
        while not fault.gate.is_open:
            await asyncio.sleep(0.002)


def _fault_answer(call: Call, fault: Fault) -> Answer:
    headers = dict(fault.headers)
    if fault.redirect_to is not None:
        headers["Location"] = fault.redirect_to.replace("{path}", call.path)
    status = 307 if fault.status is None else fault.status
    return Answer(status, headers, fault.body)


def _plain_response(call: Call, answer: Answer, content: bytes) -> web.Response:
    body = content[answer.start : answer.stop]
    call.logged.status = answer.status
    if call.method == "HEAD":
        return web.Response(
            status=answer.status, headers={**answer.headers, "Content-Length": str(len(body))}
        )
    call.logged.response_bytes = len(body)
    return web.Response(status=answer.status, headers=answer.headers, body=body)


async def _stream(request: web.BaseRequest, call: Call, answer: Answer, fault: Fault) -> web.StreamResponse:
    source = answer.source
    stop = source.size if answer.stop is None else answer.stop
    if fault.truncate_to is not None:
        stop = min(stop, answer.start + fault.truncate_to)
    response = web.StreamResponse(status=answer.status, headers=_headers(answer, fault, stop - answer.start))
    call.logged.status = answer.status
    await response.prepare(request)
    if call.method == "HEAD" or answer.status == 204:
        return response
    await _pause_or_cut(call, fault)
    for chunk in fault.shape(source.read(answer.start, stop)):
        call.logged.response_bytes += len(chunk)
        await response.write(chunk)
        await _pause_or_cut(call, fault)
    return response


def _headers(answer: Answer, fault: Fault, length: int) -> CIMultiDict[str]:
    headers = CIMultiDict(answer.headers)
    if answer.status != 204:
        headers["Content-Length"] = str(length)
    headers.update(fault.replace_headers)
    for name in fault.drop_headers:
        headers.pop(name, None)
    return headers


async def _pause_or_cut(call: Call, fault: Fault) -> None:
    sent = call.logged.response_bytes
    if fault.stall_after == sent:
        await asyncio.sleep(fault.stall_seconds)
    if fault.cut_response_after == sent:
        raise ConnectionCutError
