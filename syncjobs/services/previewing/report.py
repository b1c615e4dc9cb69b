"""What a preview says: counts, conflicts, and the first lines. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from syncjobs import reasons
from syncjobs.planner import RepositoryPlan, natural_key

SHOWN_LINES = 50
_SHOWN_SOURCES = 10


class Action(TextChoices):
    """What a run would make of a tag."""

    NEW = "new", _("New")
    REPLACE = "replace", _("Replaced")
    ATTACH = "attach", _("Signatures only")
    """The tag is unchanged, but signatures of it are missing at the target and would be copied."""
    SAME = "same", _("Up to date")
    KEEP = "keep", _("Kept")
    """The target has another digest, and the rule does not override."""
    OTHER_TYPE = "other_type", _("Type not selected")
    FAIL = "fail", _("Would fail")
    """The tag is not at the source any more, or what it names cannot be copied."""
    UNKNOWN = "not_compared", _("Not compared")
    """Registries would have had to be asked about it, and were not any more."""


_COUNTED_ONLY = frozenset({Action.SAME, Action.UNKNOWN})
_COPIES = frozenset({Action.NEW, Action.REPLACE, Action.ATTACH})


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How far a preview goes.

    `seconds` is for everything, `listing_seconds` the part of it that the source's catalogue may take. A
    comparison is a tag about which registries are asked. `names` bounds the repositories and tags held in memory.
    """

    seconds: float = 20.0
    listing_seconds: float = 10.0
    repositories: int = 500
    comparisons: int = 2_000
    names: int = 200_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a run would make of one tag, and the two digests that were compared.

    Both are None of a tag that the target does not have, that of another account's target always. `reason` is a
    code of `syncjobs/reasons.py`, `side` the registry it is about.
    """

    action: Action
    source_digest: str | None = None
    target_digest: str | None = None
    reason: str = ""
    side: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One tag with what would become of it."""

    source_repository: str
    target_repository: str
    tag: str
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Return the line as programs get it."""
        return {
            "source": f"{self.source_repository}:{self.tag}",
            "target": f"{self.target_repository}:{self.tag}",
            "action": self.verdict.action.value,
            "source_digest": self.verdict.source_digest,
            "target_digest": self.verdict.target_digest,
            "reason": self.verdict.reason,
        }


@dataclass(frozen=True, slots=True)
class Conflict:
    """Repositories that a run would refuse to copy: why (a code), from where, and to which path."""

    reason: str
    sources: tuple[str, ...]
    target: str

    @property
    def shown_sources(self) -> tuple[str, ...]:
        """The first sources: all of the catalogue may lead to one target."""
        return self.sources[:_SHOWN_SOURCES]

    @property
    def hidden_count(self) -> int:
        """How many sources there are besides."""
        return len(self.sources) - len(self.shown_sources)

    def as_json(self) -> dict[str, Any]:
        """Return the conflict as programs get it."""
        return {
            "reason": self.reason,
            "sources": list(self.shown_sources),
            "source_count": len(self.sources),
            "target": self.target,
        }


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something could not be found out: a code, the side at fault, and the registry's own words, if shown."""

    code: str
    side: str = ""
    detail: str = ""
    repository: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the problem as programs get it."""
        return {
            "code": self.code,
            "side": self.side,
            "detail": self.detail,
            "repository": self.repository,
            "text": reasons.text(self.code, self.side),
        }


@dataclass(frozen=True, slots=True)
class Preview:
    """
    What a run of a rule would do now.

    `repository_count` are the repositories that match, conflicts included; of `unlisted_count` of them the tags are
    not known. `counts` holds every action. `lines` and `conflicts` are the first fifty in natural order;
    what is the same on both sides, or was not compared, is only counted. `is_listed_whole` is False if the source's
    catalogue was left before its end. `problem` is the first, if any.
    """

    repository_count: int = 0
    unlisted_count: int = 0
    counts: Mapping[Action, int] = field(default_factory=lambda: dict.fromkeys(Action, 0))
    lines: tuple[Line, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    conflict_count: int = 0
    is_listed_whole: bool = True
    problem: Problem | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything was looked at."""
        return self.problem is None and not self.is_cut_short

    @property
    def is_cut_short(self) -> bool:
        """Whether something was not looked at, for lack of time or because a registry refused."""
        return bool(not self.is_listed_whole or self.unlisted_count or self.counts[Action.UNKNOWN])

    @property
    def tag_count(self) -> int:
        """The selected tags that are known."""
        return sum(self.counts.values())

    @property
    def copied_count(self) -> int:
        """The tags that a run would write to, or bring something for."""
        return sum(self.counts[action] for action in _COPIES)

    @property
    def line_count(self) -> int:
        """The lines that there are, shown or not."""
        return sum(count for action, count in self.counts.items() if action not in _COUNTED_ONLY)

    @property
    def has_digests(self) -> bool:
        """Whether any line names digests: those of a tag that both sides have."""
        return any(line.verdict.source_digest for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """Return the preview as programs get it."""
        return {
            "is_complete": self.is_complete,
            "repository_count": self.repository_count,
            "unlisted_repository_count": self.unlisted_count,
            "is_catalogue_complete": self.is_listed_whole,
            "tags": {action.value: self.counts[action] for action in Action},
            "conflict_count": self.conflict_count,
            "conflicts": [conflict.as_json() for conflict in self.conflicts],
            "line_count": self.line_count,
            "lines": [line.as_json() for line in self.lines],
            "problem": self.problem.as_json() if self.problem else None,
        }


@dataclass(slots=True)
class RepositoryFindings:
    """
    What was found out about one repository; `tags` are the selected ones, in natural order.

    `tags` None means that they are not known. A tag without a verdict was not compared.
    """

    source: str
    target: str
    tags: tuple[str, ...] | None = None
    verdicts: dict[str, Verdict] = field(default_factory=dict)


def summarize(
    plan: RepositoryPlan,
    findings: Iterable[RepositoryFindings],
    *,
    is_listed_whole: bool = True,
    problem: Problem | None = None,
) -> Preview:
    """Return the preview made of what was found, repository by repository in natural order."""
    counts: Counter[Action] = Counter()
    lines: list[Line] = []
    known_count = 0
    for found in findings:
        if found.tags is None:
            continue
        known_count += 1
        counts.update(verdict.action for verdict in found.verdicts.values())
        counts[Action.UNKNOWN] += len(found.tags) - len(found.verdicts)
        if len(lines) < SHOWN_LINES:
            lines += _lines_of(found, SHOWN_LINES - len(lines))
    conflicts = find_conflicts(plan)
    return Preview(
        repository_count=len(plan.edges),
        unlisted_count=len(plan.copyable) - known_count,
        counts={action: counts[action] for action in Action},
        lines=tuple(lines),
        conflicts=tuple(conflicts[:SHOWN_LINES]),
        conflict_count=len(conflicts),
        is_listed_whole=is_listed_whole,
        problem=problem,
    )


def find_conflicts(plan: RepositoryPlan) -> list[Conflict]:
    """Return what the plan refuses, in natural order of the first source; sources of one target together."""
    conflicts = [
        Conflict(edge.problem.value, (edge.source,), edge.target)
        for edge in plan.edges
        if edge.problem is not None
    ]
    conflicts += [
        Conflict(reasons.TARGET_COLLISION, sources, target) for target, sources in plan.collisions.items()
    ]
    return sorted(conflicts, key=lambda conflict: natural_key(conflict.sources[0]))


def _lines_of(found: RepositoryFindings, room: int) -> list[Line]:
    lines: list[Line] = []
    for tag in found.tags or ():
        verdict = found.verdicts.get(tag)
        if verdict is None or verdict.action in _COUNTED_ONLY:
            continue
        lines.append(Line(found.source, found.target, tag, verdict))
        if len(lines) == room:
            break
    return lines
