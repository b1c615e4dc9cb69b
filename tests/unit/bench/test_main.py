import pytest

from bench import __main__ as main
from bench.workloads import WORKLOADS


class TestArguments:
    def test_choose_the_workloads_in_the_order_given(self) -> None:
        assert main.parser().parse_args(["--only", "wan,small"]).only == ("wan", "small")

    @pytest.mark.parametrize("arguments", [["--only", "small,huge"], ["--runs", "0"], ["--runs", "many"]])
    def test_refuse_what_makes_no_sense(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            main.parser().parse_args(arguments)

        assert "error" in capsys.readouterr().err


class TestWorkloads:
    def test_have_bars_of_their_own_name_and_at_least_one(self) -> None:
        for name, workload in WORKLOADS.items():
            assert workload.name == name
            assert {bar.workload for bar in workload.bars} == {name}
