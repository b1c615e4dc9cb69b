import os
import subprocess
import sys

from bench import processes
from bench.processes import Gauge


class TestParseStat:
    def test_reads_parent_and_times_behind_a_name_with_spaces_and_brackets(self) -> None:
        fields = ["S", "42", *["0"] * 9, "150", "50", "25", "25", *["0"] * 30]

        stat = processes.parse_stat(f"4711 (a) b (c)) {' '.join(fields)}")

        assert stat.parent == 42
        assert stat.cpu_seconds * os.sysconf("SC_CLK_TCK") == 250


class TestParseBusy:
    def test_adds_up_everything_but_waiting(self) -> None:
        text = "cpu  100 20 30 4000 500 6 4 0 0 0\ncpu0 50 10 15 2000 250 3 2 0 0 0\n"

        assert processes.parse_busy(text) * os.sysconf("SC_CLK_TCK") == 160


class TestFamily:
    def test_holds_the_process_and_all_below_it(self) -> None:
        assert processes.family(2, {1: 0, 2: 1, 3: 2, 4: 3, 5: 1, 6: 5}) == {2, 3, 4}


class TestGauge:
    def test_sees_the_cpu_and_the_memory_of_a_process_below(self) -> None:
        busy = "a = bytearray(b'x' * 60_000_000)\nfor _ in range(3_000_000): pass\nprint()\ninput()"
        outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
        process = subprocess.Popen(
            [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with process:
            gauge = Gauge(process.pid)
            gauge.start()
            assert process.stdout is not None
            process.stdout.readline()
            sample = gauge.stop()
            process.communicate(b"\n", timeout=30)

        assert sample.peak_memory_bytes > 60_000_000
        assert sample.cpu_seconds > 0
        assert sample.wall_seconds > 0
