"""Nobody outlives the process that started it."""

import os
import signal
import subprocess
import sys

import pytest

from tests.servers.process_tree import family, survivors

FORK = """
import os, signal, time
from syncjobs.worker import death
death.children_die_with_parent()
if os.fork() == 0:
    if os.fork() == 0:
        print("ready", flush=True)
time.sleep(60)
"""


def run(code: str) -> int:
    return subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode


class TestDieWithParent:
    def test_ends_a_process_at_once_whose_parent_has_ended_already(self):
        code = "from syncjobs.worker import death; death.die_with_parent({}); print('alive')"
        assert run(code.format(os.getppid())) == 1

    def test_lets_a_process_live_whose_parent_does(self):
        code = "from syncjobs.worker import death; death.die_with_parent({})"
        assert run(code.format(os.getpid())) == 0


class TestChildrenDieWithParent:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_reaches_the_children_of_children(self, number):
        with subprocess.Popen([sys.executable, "-c", FORK], stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"ready\n"
            members = family(parent.pid)
            parent.send_signal(number)
        assert len(members) == 3
        assert survivors(members) == []
