from bench import bars, table
from bench.results import Result

RESULTS = [
    Result("small", "regatta", 4.0, 1.5, 60_000_000, 2600, 4600, 17_500_000, 3),
    Result("small", "skopeo", 10.0, 5.0, 25_000_000, 4000, 9000, 17_500_000, 3),
    Result("small", "floor", 2.0, 0.5, 40_000_000, 2600, 4500, 17_500_000, 3),
    Result("pages", "regatta", 0.25),
]


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


class TestRenderResults:
    def test_shows_every_figure_and_both_ratios(self) -> None:
        wanted = ["small", "regatta", "4.00", "1.50", "60", "2600", "4600", "17.5", "2.5x", "2.00x", "3"]

        assert wanted in rows(table.render_results(RESULTS))

    def test_leaves_blank_what_makes_no_sense_for_a_workload(self) -> None:
        assert ["pages", "regatta", "0.25", "1"] in rows(table.render_results(RESULTS))

    def test_parts_workloads_by_an_empty_line(self) -> None:
        assert rows(table.render_results(RESULTS)).count([]) == 2


class TestRenderVerdicts:
    def test_says_what_is_kept_what_is_missed_and_what_was_not_measured(self) -> None:
        verdicts = bars.judge(
            [
                bars.faster_than("small", "skopeo", 2.5),
                bars.at_most_times("small", "floor", 1.5),
                bars.faster_than("small", "crane", 2),
            ],
            RESULTS,
        )

        assert table.render_verdicts(verdicts).splitlines() == [
            "ok     small: regatta is at least 2.5 times faster than skopeo (2.50)",
            "MISSED small: regatta takes at most 1.5 times as long as the floor (2.00)",
            "MISSED small: regatta is at least 2 times faster than crane (not measured)",
        ]
