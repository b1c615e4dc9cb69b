import re
from datetime import UTC, datetime, timedelta

import pytest

from console.shared import sparkline
from console.shared.topology_drawing import BOX_HEIGHT, BOX_WIDTH, draw
from registries.models import Region
from syncjobs.queries.topology import Edge, Node, Tone, Topology

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REGIONS = [Region(code=f"r{number}", numeric_id=number) for number in range(4)]


def topology(nodes, edges=()):
    return Topology(
        tuple(Node(key, region, Tone.IDLE) for key, region in nodes),
        tuple(Edge(source, target, Tone.WELL) for source, target in edges),
        0,
        0,
    )


class TestDraw:
    def test_gives_each_region_a_column_in_the_order_of_numbers_and_others_the_last(self):
        drawing = draw(topology([("x", None), ("b", REGIONS[2]), ("a", REGIONS[1])]))
        assert [column.region for column in drawing.columns] == [REGIONS[1], REGIONS[2], None]
        assert [column.x for column in drawing.columns] == sorted(column.x for column in drawing.columns)

    def test_no_box_lies_on_another_or_outside(self):
        drawing = draw(topology([(f"{n}", REGIONS[n % 4]) for n in range(12)]))
        places = {(box.x, box.y) for box in drawing.boxes}
        assert len(places) == 12
        for one in drawing.boxes:
            assert one.x + BOX_WIDTH <= drawing.width
            assert one.y + BOX_HEIGHT <= drawing.height
            for other in drawing.boxes:
                assert one is other or one.x != other.x or abs(one.y - other.y) > BOX_HEIGHT

    @pytest.mark.parametrize("columns", [4, 5])
    def test_curves_stay_inside_the_drawing(self, columns):
        nodes = [(f"{n}", (*REGIONS, None)[n % columns]) for n in range(8)]
        pairs = [(str(a), str(b)) for a in range(8) for b in range(8)]
        drawing = draw(topology(nodes, pairs))
        assert len(drawing.curves) == 64
        for curve in drawing.curves:
            numbers = [int(number) for number in re.findall(r"-?\d+", curve.path)]
            assert min(numbers[::2]) >= 0
            assert max(numbers[::2]) <= drawing.width
            assert max(numbers[1::2]) <= drawing.height

    def test_draws_five_columns_closer_together_than_four(self):
        four, five = (
            draw(topology([(str(n), Region(code=str(n), numeric_id=n)) for n in range(many)]))
            for many in (4, 5)
        )
        assert five.width < four.width + BOX_WIDTH

    def test_goes_round_the_boxes_of_the_columns_between(self):
        drawing = draw(topology([(str(n), REGIONS[n]) for n in range(3)], [("0", "2")]))
        (curve,) = drawing.curves
        assert curve.middle_y > max(box.y + BOX_HEIGHT for box in drawing.boxes)

    def test_leaves_out_what_leads_nowhere(self):
        assert not draw(topology([("a", REGIONS[0])], [("a", "gone")])).curves

    def test_draws_nothing_without_nodes(self):
        assert draw(topology([])).boxes == ()


class TestSparkline:
    def samples(self, *values):
        return [(NOW - timedelta(minutes=len(values) - n), value) for n, value in enumerate(values)]

    def test_needs_two_samples(self):
        assert sparkline.draw([], until=NOW).points == ""
        assert sparkline.draw(self.samples(3.0), until=NOW, span=timedelta(hours=1)).points == ""

    def test_keeps_the_peak(self):
        line = sparkline.draw(self.samples(0.0, 90.0, 1.0), until=NOW, span=timedelta(hours=1))
        assert (line.highest, line.last) == (90.0, 1.0)
        assert len(line.points.split()) == 3

    def test_draws_a_flat_line_at_the_bottom_for_zeros(self):
        line = sparkline.draw(self.samples(0.0, 0.0), until=NOW, span=timedelta(hours=1))
        assert {point.partition(",")[2] for point in line.points.split()} == {"22.0"}

    def test_shares_the_scale_of_another_line(self):
        alone = sparkline.draw(self.samples(0.0, 2.0), until=NOW, span=timedelta(hours=1))
        beside = sparkline.draw(self.samples(0.0, 2.0), until=NOW, span=timedelta(hours=1), scale=4.0)
        assert [point.partition(",")[2] for point in alone.points.split()] == ["22.0", "2.0"]
        assert [point.partition(",")[2] for point in beside.points.split()] == ["22.0", "12.0"]

    def test_leaves_out_what_is_older(self):
        old = [(NOW - timedelta(hours=2), 500.0), *self.samples(1.0, 2.0)]
        assert sparkline.draw(old, until=NOW, span=timedelta(hours=1)).highest == 2.0
