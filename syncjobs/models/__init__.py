"""What should happen and what happened: one model per file."""

from syncjobs.models.drift_report import DriftReport
from syncjobs.models.execution import MIRROR_SCANS, Execution, Trigger
from syncjobs.models.job import Job, JobKind, Queue
from syncjobs.models.lag_sample import LagSample
from syncjobs.models.outcome import Outcome, OutcomeStatus
from syncjobs.models.push_event import EventAction, PushEvent
from syncjobs.models.rule import ArtifactType, FilterSyntax, Rule
from syncjobs.models.worker import Worker

__all__ = [
    "MIRROR_SCANS",
    "ArtifactType",
    "DriftReport",
    "EventAction",
    "Execution",
    "FilterSyntax",
    "Job",
    "JobKind",
    "LagSample",
    "Outcome",
    "OutcomeStatus",
    "PushEvent",
    "Queue",
    "Rule",
    "Trigger",
    "Worker",
]
