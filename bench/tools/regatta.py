"""The whole product: a rule is triggered, a real worker process runs it, the execution is finished."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from bench.processes import Gauge
from bench.tools.child import GatedChild
from bench.tools.task import Run, Task
from tests.servers.regatta import Regatta


class Product:
    """
    An installation as it is after `manage.py worker`, started at its first use.

    What is measured is the worker with all its processes, from the trigger until a reader of the
    database sees the execution finished.
    """

    name = "regatta"

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._installation: Regatta | None = None
        self._worker_pid = 0

    def run(self, task: Task) -> Run:
        """Do the task by a new rule between two new instances."""
        installation = self._installed(task)
        with GatedChild("product", task.dump(), environment=installation.environment) as child:
            gauge = Gauge(self._worker_pid)
            gauge.start()
            report = child.work()
            sample = gauge.stop()
        if report["status"] != "succeeded" or report["tags"] != task.tag_count:
            raise RuntimeError(f"the execution did not do it all: {report}")
        return Run(sample, report)

    def close(self) -> None:
        """Stop the worker and remove the installation."""
        self._stack.close()

    def _installed(self, task: Task) -> Regatta:
        if self._installation is None:
            variables = {"REGATTA_DEBUG": "false", "REGATTA_LOG_LEVEL": "WARNING"}
            self._installation = self._stack.enter_context(Regatta(variables))
            self._worker_pid = self._installation.start_worker().pid
            self._warm_up(self._installation, task)
        return self._installation

    def _warm_up(self, installation: Regatta, task: Task) -> None:
        """Wait until the worker works: let it run a rule that matches nothing."""
        nothing = replace(task, namespace="nothing")
        with GatedChild("product", nothing.dump(), environment=installation.environment) as child:
            child.work()
