"""How long it takes from a push to a hosted primary until both of its replicas have the image."""

from __future__ import annotations

from contextlib import ExitStack

from bench.content import NAMESPACE
from bench.workloads.latency import Latency, bars_of, list_seconds, variables_for
from bench.workloads.workload import Workload
from tests.servers.docker_registry import DockerRegistry, Listener
from tests.servers.regatta import Regatta

_REGIONS = ("ap-guangzhou", "ap-shanghai", "ap-beijing")
_PRIMARY = "tcr-bench001"
_ADDRESS = "from registries.models import Instance; print(Instance.objects.get().address)"


def _seconds_to_replicas(database: str, pushes: int) -> list[float]:
    """Three docker-registries are the backends of three regions; the first reports for all that it hosts."""
    with ExitStack() as stack:
        backends = [stack.enter_context(DockerRegistry()) for _region in _REGIONS]
        regatta = stack.enter_context(Regatta(variables_for(database, stack)))
        regatta.apply(_declaration(backends))
        regatta.start_serve()
        hook = regatta.manage_json("show_hook", "--backend", _REGIONS[0])
        backends[0].notify(Listener(hook["url"], {"Authorization": hook["authorization"]}))
        address = regatta.manage("shell", "--verbosity", "0", "-c", _ADDRESS).stdout.strip()
        replicas = [regatta.manage_json("replicas", "create", _PRIMARY, code) for code in _REGIONS[1:]]
        arrivals = [
            (backend, _pushed(replica["address"]))
            for backend, replica in zip(backends[1:], replicas, strict=True)
        ]
        return list_seconds(backends[0], _pushed(address), arrivals, pushes, database)


def _pushed(address: str) -> str:
    return f"{address.partition('/')[2]}/{NAMESPACE}/pushed"


def _declaration(backends: list[DockerRegistry]) -> str:
    lines = [
        f'  - {{code: {region}, region: {region}, endpoint: "{backend.url}"}}'
        for region, backend in zip(_REGIONS, backends, strict=True)
    ]
    return f"""
accounts:
  - {{uin: "100000000001", name: Bench}}
backends:
{chr(10).join(lines)}
instances:
  - {{name: primary, instance_id: {_PRIMARY}, account: "100000000001", edition: premium, kind: hosted,
      region: {_REGIONS[0]}}}
"""


REPLICATION: Workload = Latency(
    "replication",
    bars=bars_of("replication", "a push is at both replicas", (("median", 1.0), ("p95", 2.0))),
    seconds_on=_seconds_to_replicas,
    pushes=30,
)
