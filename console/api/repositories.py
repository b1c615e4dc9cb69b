"""Repositories and tags of an instance, read live from its registry."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import paging
from console.api.paging import LARGEST_PAGE
from console.api.problems import BadParameter
from console.api.schema import query
from console.api.view import ApiView, user_of
from console.shared import access
from registries import naming
from registries.services import browsing, listings
from registries.services.browsing import TagDetail
from syncjobs.planner import natural_key

_REPOSITORIES, _TAGS = 100, 25
_MOST_TAGS = 100
_LAST = 1_000_000


class RepositoryForm(forms.Form):
    """Where to begin; the registry's order is kept."""

    start = forms.IntegerField(required=False, min_value=0, max_value=_LAST, help_text="How many to skip; 0.")
    page_size = forms.IntegerField(
        required=False, min_value=1, max_value=LARGEST_PAGE, help_text="Rows of a page; 100."
    )


class TagForm(forms.Form):
    """Whose tags, and where to begin, in natural order."""

    repository = forms.CharField(max_length=255, help_text="The path of the repository, such as team/app.")
    start = forms.IntegerField(required=False, min_value=0, max_value=_LAST, help_text="How many to skip; 0.")
    page_size = forms.IntegerField(
        required=False, min_value=1, max_value=_MOST_TAGS, help_text="Rows of a page; 25."
    )


class RepositorySerializer(serializers.Serializer[Any]):
    """A repository."""

    name = serializers.CharField()


class RepositoryWindowSerializer(serializers.Serializer[Any]):
    """Some repositories; `next` leads to those that follow."""

    next = serializers.URLField(allow_null=True)
    results = RepositorySerializer(many=True)


class AttachmentSerializer(serializers.Serializer[Any]):
    """What refers to an artifact, such as a signature."""

    artifact_type = serializers.CharField(allow_blank=True)
    digest = serializers.CharField(allow_blank=True)
    tag = serializers.CharField(allow_blank=True)


class TagSerializer(serializers.Serializer[TagDetail]):
    """
    A tag and what it names; `code` says why that could not be read, if it could not.

    `size` is in bytes, of all platforms together; null where an index has too many.
    """

    tag = serializers.CharField()
    digest = serializers.CharField(allow_blank=True)
    media_type = serializers.CharField(allow_blank=True)
    kind = serializers.CharField(allow_blank=True)
    artifact_type = serializers.CharField(allow_blank=True)
    size = serializers.IntegerField(allow_null=True)
    platforms = serializers.ListField(child=serializers.CharField())
    attachments = AttachmentSerializer(many=True)
    code = serializers.CharField(allow_blank=True)


class TagWindowSerializer(serializers.Serializer[Any]):
    """Some tags of a repository; `is_cut`: it has more than are counted."""

    count = serializers.IntegerField()
    is_cut = serializers.BooleanField()
    next = serializers.URLField(allow_null=True)
    results = TagSerializer(many=True)


class RepositoryList(ApiView):
    """Repositories."""

    @extend_schema(parameters=query(RepositoryForm), responses=RepositoryWindowSerializer)
    def get(self, request: Request, instance_id: str) -> Response:
        """List the repositories of an instance as its registry tells them; 502 if it does not."""
        instance = access.get_instance_or_404(user_of(request), instance_id)
        values = paging.parameters(request, RepositoryForm)
        start, size = values["start"] or 0, values["page_size"] or _REPOSITORIES
        window = listings.list_repositories(instance=instance, by=user_of(request), start=start, count=size)
        following = paging.url(request, start=start + size) if window.has_more else None
        return Response({"next": following, "results": [{"name": name} for name in window.names]})


class TagList(ApiView):
    """Tags."""

    @extend_schema(parameters=query(TagForm), responses=TagWindowSerializer)
    def get(self, request: Request, instance_id: str) -> Response:
        """List the tags of a repository, with what they name; 502 if the registry does not tell."""
        instance = access.get_instance_or_404(user_of(request), instance_id)
        values = paging.parameters(request, TagForm)
        if not naming.REPOSITORY_PATH.allows(values["repository"]):
            raise BadParameter(errors=[("repository", _(naming.REPOSITORY_PATH.sentence))])
        start, size = values["start"] or 0, values["page_size"] or _TAGS
        shelf = browsing.read_repository(
            instance=instance,
            repository=values["repository"],
            by=user_of(request),
            choose=lambda names: sorted(names, key=natural_key)[start : start + size],
        )
        count = len(shelf.names.names)
        facts = {
            "count": count,
            "is_cut": shelf.names.is_cut,
            "next": paging.url(request, start=start + size) if start + size < count else None,
            "results": shelf.tags,
        }
        return Response(TagWindowSerializer(facts).data)
