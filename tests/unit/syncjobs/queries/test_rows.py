import pytest

from registries.models import Region
from syncjobs.queries.rows import Rows
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def regions():
    for number in range(7):
        factories.make_region(f"zz-{number}")
    return Region.objects.filter(code__startswith="zz-").order_by("code")


def codes(found):
    return [region.code for region in found]


class TestRows:
    def test_reads_one_window(self, regions, django_assert_num_queries):
        rows = Rows(regions, codes)
        with django_assert_num_queries(1):
            assert rows[2:4] == ["zz-2", "zz-3"]

    def test_counts_all(self, regions):
        assert Rows(regions, codes).count() == 7

    def test_counts_no_further_than_its_limit(self, regions):
        assert Rows(regions, codes, limit=3).count() == 3

    def test_shows_nothing_beyond_its_limit(self, regions):
        rows = Rows(regions, codes, limit=3)
        assert rows[2:5] == ["zz-2"]
        assert list(rows.in_batches(2)) == ["zz-0", "zz-1", "zz-2"]

    @pytest.mark.parametrize("size", [1, 3, 7, 100])
    def test_yields_every_row_once_in_batches(self, regions, size):
        assert list(Rows(regions, codes).in_batches(size)) == [f"zz-{number}" for number in range(7)]
