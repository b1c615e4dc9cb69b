"""
Plans, from a rule and from what registries list, what should move where.

Everything in here is pure: it decides, and others list, copy, store and show.
"""

from syncjobs.planner.loops import RuleEdge, find_loops
from syncjobs.planner.mirror import Brake, MirrorPlan, plan_mirror, surplus_tags
from syncjobs.planner.ordering import natural_key
from syncjobs.planner.selection import (
    EVERYTHING,
    Problem,
    RepositoryEdge,
    RepositoryPlan,
    Selection,
    exact_repositories,
    exact_tags,
    plan_repositories,
    select_tags,
    selects_repository,
    selects_tag,
    target_repository,
)

__all__ = [
    "EVERYTHING",
    "Brake",
    "MirrorPlan",
    "Problem",
    "RepositoryEdge",
    "RepositoryPlan",
    "RuleEdge",
    "Selection",
    "exact_repositories",
    "exact_tags",
    "find_loops",
    "natural_key",
    "plan_mirror",
    "plan_repositories",
    "select_tags",
    "selects_repository",
    "selects_tag",
    "surplus_tags",
    "target_repository",
]
