"""
Times both programmatic faces on the database of a busy year, without a web server between, and signatures alone.

Every request carries a token or a signature, and goes through all middleware.
"""

from __future__ import annotations

import importlib
import json
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bench.children import busy_year, gate

if TYPE_CHECKING:
    from bench.children.busy_year import Year

_HOST = "127.0.0.1"
_RUNS = 100
_SIGNATURES = 1000
_CONTENT_TYPE = "application/json"


def main() -> None:
    """Fill, say so, and time requests and signatures once the parent wants it."""
    importlib.import_module("console.wsgi")  # as the web server begins
    began_at = time.perf_counter()
    year = busy_year.fill()
    gate.wait(fill_seconds=round(time.perf_counter() - began_at, 1))
    gate.report(requests=[*_time_rest(year), *_time_cloud(year)], signatures=_time_signatures(year))


def _time_rest(year: Year) -> list[dict[str, Any]]:
    from django.test import Client  # noqa: PLC0415 - needs the apps, like all here
    from django.utils import timezone  # noqa: PLC0415

    from registries.services import api_tokens  # noqa: PLC0415

    now = timezone.now()
    _token, text = api_tokens.issue(
        scope="read", expires_at=now + timedelta(days=1), description="bench", by=year.owner, now=now
    )
    client = Client(SERVER_NAME=_HOST, headers={"Authorization": f"Bearer {text}"})

    def ask(path: str) -> Callable[[], Any]:
        return lambda: client.get(f"/api/v1/{path}", secure=True)

    return [busy_year.measure(name, ask(path), runs=_RUNS) for name, path in _paths(year).items()]


def _paths(year: Year) -> dict[str, str]:
    source, busy_rule = year.source, _busy_rule(year)
    middle = (year.large.created_at - timedelta(days=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "rules": "rules/",
        "rules-search": f"rules/?search=rule-1&source={source.instance_id}&ordering=-created_at",
        "executions": "executions/",
        "executions-large-page": "executions/?page_size=200",
        "executions-late": f"executions/?cursor={_late_cursor()}",
        "executions-of-rule": f"executions/?rule={busy_rule}",
        "executions-of-source": f"executions/?source={source.instance_id}",
        "executions-of-replica": f"executions/?replica={year.replica.replica_id}",
        "executions-failed": "executions/?status=failed",
        "executions-running": "executions/?status=running",
        "executions-manual": "executions/?trigger=manual",
        "executions-since": f"executions/?until={middle}",
        "execution": f"executions/{year.large.pk}/",
        "outcomes": f"executions/{year.large.pk}/outcomes/",
    }


def _busy_rule(year: Year) -> int:
    """Return the id of a rule of the source that has run five hundred times."""
    from syncjobs.models import Execution  # noqa: PLC0415

    runs = Execution.objects.filter(source=year.source, rule__isnull=False).exclude(rule=year.rule)
    return int(runs.values_list("rule", flat=True)[:1].get())


def _late_cursor() -> str:
    """Return the cursor behind the first tenth of all executions, made as the API makes them."""
    from console.api import paging  # noqa: PLC0415
    from syncjobs.models import Execution  # noqa: PLC0415

    oldest = Execution.objects.order_by("pk")[Execution.objects.count() // 10]
    return paging.cursor_of(oldest)


def _time_cloud(year: Year) -> list[dict[str, Any]]:
    from django.test import Client  # noqa: PLC0415

    client = Client(SERVER_NAME=_HOST)
    sign = _signer(year)
    place = {"RegistryId": year.source.instance_id}
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "cloud-rules": ("DescribeReplicationPolicies", place),
        "cloud-executions": ("DescribeReplicationExecutions", place),
        "cloud-executions-of-rule": ("DescribeReplicationExecutions", place | {"PolicyId": _busy_rule(year)}),
        "cloud-executions-late": ("DescribeReplicationExecutions", place | {"Page": 600}),
    }

    def ask(action: str, values: dict[str, Any]) -> Callable[[], Any]:
        body = json.dumps(values).encode()
        return lambda: client.post("/", body, content_type=_CONTENT_TYPE, headers=sign(action, body))

    return [busy_year.measure(name, ask(*request), runs=_RUNS) for name, request in asked.items()]


def _signer(year: Year) -> Callable[[str, bytes], dict[str, str]]:
    from django.utils import timezone  # noqa: PLC0415

    from console.cloud import middleware, signatures  # noqa: PLC0415
    from registries.services import api_keys  # noqa: PLC0415

    key, secret_key = api_keys.create(user=year.owner, now=timezone.now())
    names = ("content-type", "host")

    def sign(action: str, body: bytes) -> dict[str, str]:
        timestamp = int(time.time())
        message = signatures.Message("POST", "", {"content-type": _CONTENT_TYPE, "host": _HOST}, body)
        signature = signatures.sign_tc3(
            message, secret_key=secret_key, timestamp=timestamp, service=signatures.SERVICE, headers=names
        )
        scope = f"{key.secret_id}/{signatures.date_of(timestamp)}/{signatures.SERVICE}/tc3_request"
        return {
            "Host": _HOST,
            "Authorization": f"{signatures.ALGORITHM} Credential={scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={signature}",
            "X-TC-Action": action,
            "X-TC-Version": middleware.VERSION,
            "X-TC-Timestamp": str(timestamp),
        }

    return sign


def _time_signatures(year: Year) -> list[dict[str, Any]]:
    """Return what it takes to compute and compare a signature; and to do it with the key from the database."""
    from django.test import RequestFactory  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from console.cloud import envelopes, signatures  # noqa: PLC0415

    sign = _signer(year)
    body = json.dumps({"RegistryId": year.source.instance_id, "Page": 1, "PageSize": 100}).encode()
    headers = sign("DescribeReplicationPolicies", body)
    request = RequestFactory(SERVER_NAME=_HOST).post("/", body, content_type=_CONTENT_TYPE, headers=headers)
    signed = {"content-type": _CONTENT_TYPE, "host": _HOST}
    fields = {
        "Action": "DescribeReplicationPolicies",
        "RegistryId": year.source.instance_id,
        "Nonce": "12345",
    }

    def verify_tc3() -> None:
        authorization = signatures.parse_authorization(headers["Authorization"])
        expected = signatures.sign_tc3(
            signatures.Message("POST", "", signed, body),
            secret_key="s" * 32,
            timestamp=int(headers["X-TC-Timestamp"]),
            service=authorization.service,
            headers=authorization.headers,
        )
        signatures.is_equal(authorization.signature, expected)

    def verify_old(algorithm: str) -> Callable[[], None]:
        def verify() -> None:
            expected = signatures.sign_old(
                fields, secret_key="s" * 32, method="POST", host=_HOST, algorithm=algorithm
            )
            signatures.is_equal(expected, expected)

        return verify

    def authenticate() -> None:
        envelope = envelopes.find(request)
        if envelope is None:
            raise RuntimeError("the request is no call")
        envelopes.authenticate(envelope, timezone.now())

    return [
        _time_each("TC3-HMAC-SHA256", verify_tc3),
        _time_each("HmacSHA256", verify_old("HmacSHA256")),
        _time_each("HmacSHA1", verify_old("HmacSHA1")),
        _time_each("TC3 with its key", authenticate),
    ]


def _time_each(name: str, act: Callable[[], None]) -> dict[str, Any]:
    act()
    seconds = []
    for _number in range(_SIGNATURES):
        began_at = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began_at)
    return {
        "name": name,
        "median": statistics.median(seconds),
        "p95": statistics.quantiles(seconds, n=20)[-1],
    }


if __name__ == "__main__":
    main()
