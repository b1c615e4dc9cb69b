from pathlib import Path

from bench import results
from bench.results import Result

OLD = [Result("small", "skopeo", 10.0), Result("small", "floor", 2.0), Result("wan", "skopeo", 80.0)]


class TestMerged:
    def test_replaces_all_results_of_a_workload_that_was_measured(self) -> None:
        new = [Result("small", "regatta", 3.0)]

        assert results.merged(OLD, new) == [new[0], OLD[2]]

    def test_puts_new_workloads_at_the_end(self) -> None:
        new = [Result("pages", "regatta", 0.1)]

        assert results.merged(OLD, new) == [*OLD, *new]

    def test_keeps_the_order_of_new_results(self) -> None:
        new = [Result("wan", "skopeo", 81.0), Result("wan", "regatta", 2.0)]

        assert results.merged(OLD, new) == [*OLD[:2], *new]


class TestSave:
    def test_brings_back_what_was_saved_before_and_now(self, tmp_path: Path) -> None:
        path = tmp_path / "results" / "latest.json"
        whole = Result("small", "regatta", 3.5, 1.25, 60_000_000, 2600, 4600, 17_500_000, 3)

        results.save(OLD, path)
        results.save([whole], path)

        assert results.load(path) == [whole, OLD[2]]

    def test_finds_nothing_where_nothing_was_saved(self, tmp_path: Path) -> None:
        assert results.load(tmp_path / "latest.json") == []
