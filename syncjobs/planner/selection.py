"""What a rule selects at its source, and which paths that gets at its target."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from registries import naming
from syncjobs.matching import Syntax, compile_filter
from syncjobs.planner.ordering import natural_key


@dataclass(frozen=True, slots=True)
class Selection:
    """
    The part of a rule that selects and maps.

    The repository filter is relative to the namespace: repository `a/b` of namespace `ns` is the path
    `ns/a/b`. A path of one component has no namespace, so nothing selects it, even if it is spelled like the
    namespace.

    An empty target namespace keeps the path. Any other replaces the first component. `flatten` keeps only the
    last component below the namespace, whichever that is.

    The namespace `*` stands for all: the filter is compared with the path below each.

    With `is_whole` the namespace means nothing: every path is selected and stays as it is.
    """

    namespace: str
    repository: str = ""
    tag: str = ""
    syntax: Syntax = Syntax.PATTERN
    target_namespace: str = ""
    flatten: bool = False
    is_whole: bool = False

    @property
    def has_all_namespaces(self) -> bool:
        """Whether repositories of every namespace may be selected."""
        return self.is_whole or self.namespace == naming.ALL_NAMESPACES

    @property
    def merges_paths(self) -> bool:
        """Whether two repositories may get the same path at the target."""
        return self.flatten or (self.namespace == naming.ALL_NAMESPACES and bool(self.target_namespace))

    def is_in_namespace(self, repository: str) -> bool:
        """Tell whether the path lies where the filter is compared."""
        namespace, _, path = repository.partition("/")
        return self.is_whole or (bool(path) and (self.has_all_namespaces or namespace == self.namespace))


EVERYTHING = Selection(namespace="", is_whole=True)
"""What a replica selects."""


class Problem(StrEnum):
    """Why a repository cannot get its path at the target: a reason code."""

    TARGET_NAME_TOO_LONG = "target_name_too_long"
    TARGET_NAME_INVALID = "target_name_invalid"
    TARGET_COLLISION = "target_collision"


@dataclass(frozen=True, slots=True)
class RepositoryEdge:
    """One selected repository: its path at the source and at the target, and what speaks against it."""

    source: str
    target: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class RepositoryPlan:
    """
    Every selected repository, in natural order of the sources.

    `collisions` tells of each target that several sources would share, which ones; their edges are listed
    like any other, because their tags may be different.
    """

    edges: tuple[RepositoryEdge, ...]
    collisions: Mapping[str, tuple[str, ...]]

    @property
    def copyable(self) -> list[tuple[str, str]]:
        """The source and target repositories of what may be copied."""
        colliding = {source for sources in self.collisions.values() for source in sources}
        return [
            (edge.source, edge.target)
            for edge in self.edges
            if edge.problem is None and edge.source not in colliding
        ]

    @property
    def refused(self) -> dict[Problem, list[tuple[str, str]]]:
        """What may not be copied, by reason: impossible names, and several sources for one target."""
        refused: dict[Problem, list[tuple[str, str]]] = {}
        for edge in self.edges:
            if edge.problem is not None:
                refused.setdefault(edge.problem, []).append((edge.source, edge.target))
        for target, sources in self.collisions.items():
            colliding = refused.setdefault(Problem.TARGET_COLLISION, [])
            colliding.extend((source, target) for source in sources)
        return refused


def selects_repository(selection: Selection, repository: str) -> bool:
    """
    Tell whether the selection holds the repository path.

    Raises PatternError if the filter is not valid, as every function of this module that reads a filter.
    """
    if selection.is_whole:
        return True
    if not selection.is_in_namespace(repository):
        return False
    path = repository.partition("/")[2]
    return compile_filter(selection.repository, selection.syntax).matches(path)


def selects_tag(selection: Selection, tag: str) -> bool:
    """Tell whether the selection holds the tag."""
    return compile_filter(selection.tag, selection.syntax).matches(tag)


def target_repository(selection: Selection, repository: str) -> str:
    """Return the path that a repository of the selection gets at the target; it may be no valid name."""
    if selection.is_whole:
        return repository
    namespace, _, path = repository.partition("/")
    if selection.flatten:
        path = path.rpartition("/")[2]
    return f"{selection.target_namespace or namespace}/{path}"


def plan_repositories(selection: Selection, repositories: Iterable[str]) -> RepositoryPlan:
    """Return what the selection makes of the listed paths; a path listed twice counts once."""
    sources = {repository for repository in repositories if selects_repository(selection, repository)}
    edges = tuple(_edge(selection, source) for source in sorted(sources, key=natural_key))
    sources_by_target: dict[str, list[str]] = {}
    for edge in edges:
        if edge.problem is None:
            sources_by_target.setdefault(edge.target, []).append(edge.source)
    collisions = {target: tuple(shared) for target, shared in sources_by_target.items() if len(shared) > 1}
    return RepositoryPlan(edges, collisions)


def exact_repositories(selection: Selection) -> tuple[str, ...] | None:
    """
    Return the only paths that the selection can hold, so that the catalogue need not be listed.

    They may not exist. None if the filter leaves it open; empty if the filter names nothing possible.
    """
    literals = compile_filter(selection.repository, selection.syntax).literals
    if literals is None or selection.has_all_namespaces:
        return None
    paths = (f"{selection.namespace}/{literal}" for literal in literals)
    return tuple(sorted(filter(naming.REPOSITORY_PATH.allows, paths), key=natural_key))


def select_tags(selection: Selection, tags: Iterable[str]) -> list[str]:
    """
    Return the selected tags in natural order, each once.

    An empty filter, or `*`, selects every tag, those included under which tools store signatures and lists of
    referrers.
    """
    compiled = compile_filter(selection.tag, selection.syntax)
    return sorted({tag for tag in tags if compiled.matches(tag)}, key=natural_key)


def exact_tags(selection: Selection) -> tuple[str, ...] | None:
    """
    Return the only tags that the selection can hold, so that tags need not be listed.

    They may not exist. None if the filter leaves it open; empty if the filter names nothing possible.
    """
    literals = compile_filter(selection.tag, selection.syntax).literals
    if literals is None:
        return None
    return tuple(sorted(filter(naming.TAG.allows, literals), key=natural_key))


def _edge(selection: Selection, source: str) -> RepositoryEdge:
    target = target_repository(selection, source)
    problem = None
    if len(target) > naming.REPOSITORY_PATH.maximum:
        problem = Problem.TARGET_NAME_TOO_LONG
    elif not naming.REPOSITORY_PATH.allows(target):
        problem = Problem.TARGET_NAME_INVALID
    return RepositoryEdge(source, target, problem)
