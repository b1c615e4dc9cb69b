"""What the demo puts into the first registry, and what must then be where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tests.fakes import images
from tests.fakes.artifacts import Artifact

Place = Literal["mirror", "partner"]
_LAYER_BYTES = 400_000


@dataclass(frozen=True, slots=True)
class Item:
    """One tag of the source; `targets` are the places and repositories where a rule must copy it to."""

    repository: str
    tag: str
    build: Callable[[], Artifact]
    targets: tuple[tuple[Place, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """A tag that must have this digest at the target; None: it must not be there."""

    place: Place
    repository: str
    tag: str
    digest: str | None


def _image(seed: str) -> Callable[[], Artifact]:
    return lambda: images.image(seed, layers=3, layer_size=_LAYER_BYTES)


ITEMS = (
    Item("team/base", "12", _image("base"), (("mirror", "team/base"),)),
    Item(
        "team/api/server",
        "1.0",
        _image("api-1.0"),
        (("mirror", "team/api/server"), ("partner", "team/api/server")),
    ),
    Item(
        "team/api/server",
        "1.1",
        _image("api-1.1"),
        (("mirror", "team/api/server"), ("partner", "team/api/server")),
    ),
    Item("team/api/server", "edge", _image("api-edge"), (("mirror", "team/api/server"),)),
    Item(
        "team/web/frontend/site",
        "2024.11",
        lambda: images.multi_platform("site", platforms=4),
        (("mirror", "team/web/frontend/site"),),
    ),
    Item(
        "team/web/frontend/nested",
        "1",
        lambda: images.nested_index("nested"),
        (("mirror", "team/web/frontend/nested"),),
    ),
    Item("shop/checkout", "v1.0", _image("checkout-1.0"), (("mirror", "releases/checkout"),)),
    Item("shop/checkout", "v1.1", _image("checkout-1.1"), (("mirror", "releases/checkout"),)),
    Item("shop/checkout", "nightly", _image("checkout-nightly")),
    Item("shop/catalog/search", "v7", _image("search"), (("mirror", "releases/catalog/search"),)),
    Item("shop/internal", "v1", _image("internal")),
    Item(
        "charts/storefront",
        "0.3.0",
        lambda: images.helm_chart("storefront", "0.3.0"),
        (("mirror", "charts/storefront"),),
    ),
    Item("charts/toolbox", "0.3.0", _image("toolbox")),
)
"""Everything in the source. What has no target tests that rules leave it alone."""

_ABSENT: tuple[tuple[Place, str, str], ...] = (
    ("mirror", "releases/checkout", "nightly"),
    ("mirror", "releases/internal", "v1"),
    ("mirror", "charts/toolbox", "0.3.0"),
    ("partner", "team/api/server", "edge"),
    ("partner", "team/base", "12"),
)


def fill(source_url: str) -> list[Expectation]:
    """Push everything into the source and return what must be, and must not be, at the targets afterwards."""
    return [*_push_all(source_url), *_absences()]


def _push_all(source_url: str) -> Iterator[Expectation]:
    for item in ITEMS:
        digest = images.push(item.build(), source_url, item.repository, item.tag)
        for place, repository in item.targets:
            yield Expectation(place, repository, item.tag, digest)


def _absences() -> Iterator[Expectation]:
    for place, repository, tag in _ABSENT:
        yield Expectation(place, repository, tag, None)
