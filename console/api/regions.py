"""Regions: where instances and replicas may stand."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import paging
from console.api.pages import numbered
from console.api.paging import PageForm
from console.api.schema import query
from console.api.view import ApiView
from registries.models import Region


class RegionSerializer(serializers.ModelSerializer[Region]):
    """A region; replication between jurisdictions is cross-border."""

    class Meta:
        model = Region
        fields = ("code", "numeric_id", "name_en", "name_zh", "jurisdiction")


class RegionList(ApiView):
    """The regions of the platform."""

    @extend_schema(parameters=query(PageForm), responses=numbered(RegionSerializer))
    def get(self, request: Request) -> Response:
        """List regions."""
        values = paging.parameters(request, PageForm)
        rows = Region.objects.order_by("numeric_id")
        return Response(
            paging.by_number(request, values, rows, lambda found: RegionSerializer(found, many=True).data)
        )
