"""The regions that the migration loads. Source: reference/tencent-api.md appendix A."""

import importlib

import pytest
from django.apps import apps

from registries import naming
from registries.models import Region

pytestmark = pytest.mark.django_db
migration = importlib.import_module("registries.migrations.0002_regions")


class TestRegions:
    def test_are_the_vendor_s(self):
        assert Region.objects.count() == 25
        assert Region.objects.get(code="ap-guangzhou").numeric_id == 1
        assert Region.objects.get(numeric_id=74).code == "sa-saopaulo"

    def test_have_codes_of_the_right_form(self):
        assert all(naming.REGION_CODE.allows(region.code) for region in Region.objects.all())

    def test_tell_the_mainland_from_its_neighbours(self):
        mainland = set(Region.objects.filter(jurisdiction="cn-mainland").values_list("code", flat=True))
        assert {"ap-guangzhou", "ap-shanghai-fsi", "ap-tianjin"} <= mainland
        assert not {"ap-hongkong", "ap-taipei", "ap-singapore"} & mainland

    def test_are_named_in_both_languages(self):
        assert all(region.name_en.isascii() or "São" in region.name_en for region in Region.objects.all())
        assert not any(region.name_zh.isascii() for region in Region.objects.all())

    def test_leave_alone_what_an_operator_has_made_of_them(self):
        Region.objects.filter(code="ap-tokyo").update(jurisdiction="changed")
        migration.load_regions(apps, None)
        assert Region.objects.count() == 25
        assert Region.objects.get(code="ap-tokyo").jurisdiction == "changed"
