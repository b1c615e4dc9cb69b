"""What a drain has in hand: the jobs that run, and why each of them should end early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from syncjobs.drain.assignment import Assignment


class Hand:
    """The running jobs of one drain. `progress` is set whenever one has ended."""

    def __init__(self) -> None:
        self.assignments: dict[int, Assignment] = {}
        self.progress = asyncio.Event()
        self.is_giving_back = False
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopped: set[int] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def execution_ids(self) -> set[int]:
        """The executions to which the running jobs belong."""
        return {assignment.execution_id for assignment in self.assignments.values()}

    @property
    def has_suspect(self) -> bool:
        """Whether a job is among them with which workers have died before."""
        return any(assignment.is_suspect for assignment in self.assignments.values())

    def start(self, assignment: Assignment, work: Coroutine[None, None, None]) -> None:
        """Begin a job."""
        task = asyncio.create_task(work)
        self._tasks[assignment.job_id] = task
        self.assignments[assignment.job_id] = assignment
        task.add_done_callback(lambda _task: self._finished(assignment.job_id))

    def stop(self, execution_ids: Iterable[int]) -> None:
        """Have the jobs of these executions end as stopped."""
        self._stopped |= set(execution_ids)

    def give_back(self) -> None:
        """Have every job end, to be continued by another worker; what only lists is cut."""
        self.is_giving_back = True
        self.cancel(job_id for job_id, assignment in self.assignments.items() if assignment.is_discovery)

    def cancel(self, job_ids: Iterable[int]) -> None:
        """Cut these jobs."""
        for job_id in list(job_ids):
            if job_id in self._tasks:
                self._tasks[job_id].cancel()

    def is_stopped(self, assignment: Assignment) -> bool:
        """Return whether somebody asked to stop the job's execution."""
        return assignment.execution_id in self._stopped

    def stopper(self, assignment: Assignment) -> Callable[[], bool]:
        """Return what a copy asks whether it should end."""
        return lambda: self.is_giving_back or self.is_stopped(assignment)

    async def wait(self, seconds: float) -> None:
        """Wait until a job has ended, or for so long."""
        self.progress.clear()
        try:
            await asyncio.wait_for(self.progress.wait(), timeout=seconds)
        except TimeoutError:
            return

    async def drop(self) -> None:
        """Cut everything and wait until it has ended."""
        tasks = list(self._tasks.values())
        self.cancel(list(self._tasks))
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, job_id: int) -> None:
        del self._tasks[job_id]
        del self.assignments[job_id]
        self.progress.set()
