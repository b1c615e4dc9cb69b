"""The repositories and tags of an instance, read live from its registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from console.shared import access, pagination, registry_failures
from console.shared.access import Request
from registries.models import Instance
from registries.oci import warned
from registries.oci.errors import RegistryError
from registries.oci.reference import is_repository
from registries.policies import Refused
from registries.services import browsing
from registries.services.browsing import Attachment, TagDetail
from syncjobs.planner import natural_key
from syncjobs.queries import places
from syncjobs.queries.places import Arrival, Place

_TAGS_SHOWN = 25
_SORTS = ("name", "-name")
_ATTACHMENTS: tuple[tuple[tuple[str, ...], str | Promise], ...] = (
    (("spdx", "cyclonedx", "sbom"), gettext_lazy("Bill of materials")),
    (("in-toto", "attestation", "slsa", "dsse"), gettext_lazy("Attestation")),
    (("cosign", "notary", "signature"), gettext_lazy("Signature")),
    (("sarif", "vuln"), gettext_lazy("Scan report")),
)
"""What the declared types of attachments are called, by words in them."""
_COSIGN = {"sig": "signature", "att": "attestation", "sbom": "sbom"}


@dataclass(frozen=True, slots=True)
class TagRow:
    """One line of the table of tags."""

    tag: TagDetail
    arrival: Arrival | None
    attachments: tuple[tuple[str, int], ...]
    places: Sequence[Place]
    commands: tuple[str, ...]


@require_safe
def list_page(request: Request, instance_id: str) -> HttpResponse:
    """Show the repositories of an instance, in natural order, searched as the URL says."""
    instance = access.get_instance_or_404(request.user, instance_id)
    search = pagination.search_of(request)
    sort = pagination.sort_of(request, _SORTS)
    context: dict[str, object] = {"instance": instance, "search": search, "sort": sort}
    try:
        with _warnings_shown(context, instance):
            found = browsing.list_repositories(instance=instance, by=request.user)
    except (RegistryError, Refused) as error:
        context["failure"] = registry_failures.explain(error, instance)
    else:
        names = _arrange(found.names, search, sort)
        context |= {"page": _turn(request, names, pagination.PAGE_SIZE), "is_cut": found.is_cut}
    return render(request, "repositories/list.html", context)


@require_safe
def detail(request: Request, instance_id: str, repository: str) -> HttpResponse:
    """Show the tags of one repository, and what each tag of the page names."""
    instance = access.get_instance_or_404(request.user, instance_id)
    if not is_repository(repository):
        raise Http404
    search = pagination.search_of(request)
    sort = pagination.sort_of(request, ("-name", "name"))
    with_companions = request.GET.get("attachments") == "shown"
    context: dict[str, object] = {
        "instance": instance,
        "repository": repository,
        "address": f"{instance.address}/{repository}",
        "search": search,
        "sort": sort,
        "with_companions": with_companions,
    }
    turned: list[Page[str]] = []

    def choose(names: list[str]) -> Sequence[str]:
        turned.append(_turn(request, _arrange(names, search, sort), _TAGS_SHOWN))
        return list(turned[0])

    try:
        with _warnings_shown(context, instance):
            shelf = browsing.read_repository(
                instance=instance,
                repository=repository,
                by=request.user,
                choose=choose,
                with_companions=with_companions,
            )
    except (RegistryError, Refused) as error:
        context["failure"] = registry_failures.explain(error, instance)
    else:
        context |= {
            "page": turned[0],
            "rows": _describe(shelf.tags, instance, repository, request),
            "tag_count": len(shelf.names.names),
            "companion_count": shelf.companion_count,
            "is_cut": shelf.names.is_cut,
        }
    return render(request, "repositories/detail.html", context)


@contextmanager
def _warnings_shown(context: dict[str, object], instance: Instance) -> Iterator[None]:
    """Put into the context what the registry wants people to be told; a platform's backend tells tenants nothing."""
    with warned.listening() as heard:
        try:
            yield
        finally:
            context["warnings"] = () if instance.backend else tuple(heard)


def _describe(
    tags: Sequence[TagDetail], instance: Instance, repository: str, request: Request
) -> list[TagRow]:
    digests = {tag.tag: tag.digest for tag in tags if tag.digest}
    elsewhere = places.find_places(
        digests=digests.values(), besides=instance, repository=repository, user=request.user
    )
    arrivals = places.find_arrivals(instance=instance, repository=repository, digests=digests)
    return [
        TagRow(
            tag,
            arrivals.get(tag.tag),
            _name_attachments(tag.attachments),
            elsewhere.get(tag.digest, ()),
            _commands(tag, instance, repository),
        )
        for tag in tags
    ]


def _arrange(names: Iterable[str], search: str, sort: str) -> list[str]:
    wanted = search.casefold()
    found = [name for name in names if wanted in name.casefold()]
    return sorted(found, key=natural_key, reverse=sort.startswith("-"))


def _turn(request: Request, names: list[str], size: int) -> Page[str]:
    return Paginator(names, size).get_page(request.GET.get("page"))


def _name_attachments(attachments: Iterable[Attachment]) -> tuple[tuple[str, int], ...]:
    """Return what is attached in words, with how many of each there are."""
    return tuple(Counter(map(_name_attachment, attachments)).items())


def _name_attachment(attachment: Attachment) -> str:
    declared = _COSIGN.get(attachment.artifact_type, attachment.artifact_type).lower()
    for words, label in _ATTACHMENTS:
        if any(word in declared for word in words):
            return str(label)
    return attachment.artifact_type or _("Unknown")


def _commands(tag: TagDetail, instance: Instance, repository: str) -> tuple[str, ...]:
    """Return how to fetch the tag from a shell. Every part keeps to a grammar without a sign that shells know."""
    reference = f"{instance.address}/{repository}:{tag.tag}"
    url = instance.backend.endpoint_url if instance.backend else instance.endpoint_url
    plain = " --src-tls-verify=false" if url.startswith("http://") else ""
    copy = (
        f"skopeo copy --all{plain} docker://{reference} docker://registry.example.com/{repository}:{tag.tag}"
    )
    if tag.kind == "chart":
        return (f"helm pull oci://{instance.address}/{repository} --version {tag.tag}", copy)
    if tag.artifact_type:
        return (f"oras pull {reference}", copy)
    return (f"docker pull {reference}", copy)
