"""The tools that live in a child process of ours: the transfer engine alone, and the floor."""

from __future__ import annotations

from bench.processes import Gauge
from bench.tools.child import GatedChild
from bench.tools.task import Run, Task


class ChildTool:
    """
    A tool that is a module of `bench/children/`.

    The time that Python takes to start and import is not part of the work: a worker has it behind it.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, task: Task) -> Run:
        """Do the task in a process of its own."""
        with GatedChild(self.name, task.dump()) as child:
            gauge = Gauge(child.pid)
            gauge.start()
            report = child.work()
            sample = gauge.stop()
        if report["tags"] != task.tag_count:
            raise RuntimeError(f"{self.name} finished {report['tags']} of {task.tag_count} tags: {report}")
        return Run(sample, report)

    def close(self) -> None:
        """Nothing stays."""
