"""What should happen and what happened: one model per file."""

from syncjobs.models.execution import Execution, Trigger
from syncjobs.models.job import Job, JobKind, Queue
from syncjobs.models.outcome import Outcome, OutcomeStatus
from syncjobs.models.push_event import EventAction, PushEvent
from syncjobs.models.rule import ArtifactType, FilterSyntax, Rule
from syncjobs.models.worker import Worker

__all__ = [
    "ArtifactType",
    "EventAction",
    "Execution",
    "FilterSyntax",
    "Job",
    "JobKind",
    "Outcome",
    "OutcomeStatus",
    "PushEvent",
    "Queue",
    "Rule",
    "Trigger",
    "Worker",
]
