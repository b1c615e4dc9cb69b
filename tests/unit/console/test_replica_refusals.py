"""Every refusal of a replica says the same in the service, on the page, on the command line and in the REST API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from registries import policies, quotas
from registries.models import Instance, Region, User
from registries.policies import Refused
from syncjobs.services import deployments
from tests import factories
from tests.unit.console.api.conftest import Program
from tests.unit.console.management.conftest import Result, run
from tests.unit.console.reading import text_of

__all__ = ["run"]

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Case:
    """A region that is refused after something was arranged, by which error and with which words."""

    region: str
    words: str
    error: type[Refused]
    arrange: Callable[[Instance], object] = lambda source: None


def _stand_in_shanghai(source: Instance, **fields: str) -> None:
    factories.make_replica(primary=source, region=factories.make_region("ap-shanghai"), **fields)


def _downgrade(source: Instance) -> None:
    Instance.objects.filter(pk=source.pk).update(edition="standard")


CASES = {
    "the primary's own region": Case(
        "ap-guangzhou",
        "A replica cannot be in the same region as the primary instance (South China (Guangzhou)).",
        policies.OwnRegion,
    ),
    "across a border": Case(
        "ap-singapore",
        "Cross-border instance replication is not supported: South China (Guangzhou) and",
        policies.UnsupportedRegion,
    ),
    "a second one in a region": Case(
        "ap-shanghai",
        "A replica in the region East China (Shanghai) already exists.",
        policies.ReplicaExists,
        _stand_in_shanghai,
    ),
    "one that is being deleted": Case(
        "ap-shanghai",
        "A replica in the region East China (Shanghai) is still being deleted. Try again later.",
        policies.ReplicaExists,
        lambda source: _stand_in_shanghai(source, status="Deleting"),
    ),
    "a region without room": Case(
        "ap-beijing",
        "has no room for it now. Choose another region, or try again later.",
        policies.UnsupportedRegion,
    ),
    "another edition": Case(
        "ap-shanghai",
        "Instance replication needs the premium edition; source is Standard.",
        policies.EditionTooLow,
        _downgrade,
    ),
    "more than the quota": Case(
        "ap-shanghai",
        "The quota of source is used up: replicas, 1 at most",
        quotas.QuotaExceeded,
        lambda source: factories.make_replica(primary=source, region=factories.make_region("ap-chengdu")),
    ),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def case(request, source, settings) -> Case:
    settings.QUOTAS = settings.QUOTAS | {"premium": settings.QUOTAS["premium"] | {"replicas": 1}}
    factories.make_backend(region=factories.make_region("ap-shanghai"), health="healthy")
    chosen: Case = request.param
    chosen.arrange(source)
    source.refresh_from_db()
    return chosen


def test_in_the_service(case: Case, source: Instance, owner: User) -> None:
    region = Region.objects.get(code=case.region)
    with pytest.raises(case.error) as refused:
        deployments.deploy(primary=source, region=region, by=owner, now=timezone.now())
    assert case.words in str(refused.value)


def test_on_the_page(case: Case, source: Instance, page: Client) -> None:
    url = f"/replication/instances/{source.instance_id}/new/"
    assert case.words in text_of(page.post(url, {"region": case.region}))


def test_on_the_command_line(case: Case, source: Instance, run: Callable[..., Result]) -> None:
    result = run("replicas", "create", source.instance_id, case.region)
    assert (result.code, case.words in result.errors) == (2, True)


def test_in_the_rest_api(case: Case, source: Instance, owner: User) -> None:
    answer = Program(owner).post(f"instances/{source.instance_id}/replicas/", {"region": case.region})
    assert answer.status_code in {409, 422}
    assert case.words in answer.content.decode()
