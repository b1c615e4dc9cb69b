"""What a mirror deletes, and what its brake keeps."""

import pytest

from syncjobs.planner import Brake, plan_mirror, surplus_tags


def tags(*names: str) -> frozenset[str]:
    return frozenset(names)


def many(count: int, start: int = 0) -> frozenset[str]:
    return frozenset(f"v{number}" for number in range(start, start + count))


class TestPlanMirror:
    def test_deletes_what_only_the_replica_has(self):
        plan = plan_mirror({"a": tags("1", "2"), "b": tags("1")}, {"a": tags("1", "3")}, is_confirmed=False)
        assert plan.repositories == ("a", "b")
        assert plan.deletions == {"a": ("3",)}
        assert (plan.braked, plan.held_count, plan.surplus_count) == ({}, 2, 1)

    def test_empties_a_repository_that_is_gone(self):
        plan = plan_mirror({"a": many(30)}, {"a": many(30), "gone": tags("1")}, is_confirmed=False)
        assert plan.repositories == ("a", "gone")
        assert plan.deletions == {"gone": ("1",)}

    @pytest.mark.parametrize("is_confirmed", [False, True])
    def test_believes_no_empty_catalogue(self, is_confirmed):
        plan = plan_mirror({}, {"a": tags("1")}, is_confirmed=is_confirmed)
        assert (plan.deletions, plan.braked) == ({}, {"a": Brake.EMPTY_CATALOGUE})

    def test_believes_no_empty_repository_unless_confirmed(self):
        source, target = {"a": tags(), "b": many(9)}, {"a": tags("1"), "b": many(9)}
        assert plan_mirror(source, target, is_confirmed=False).braked == {"a": Brake.EMPTY_REPOSITORY}
        assert plan_mirror(source, target, is_confirmed=True).deletions == {"a": ("1",)}

    @pytest.mark.parametrize(
        ("held", "left", "is_braked"), [(20, 1, False), (21, 10, True), (21, 11, False), (100, 49, True)]
    )
    def test_asks_before_more_than_half_of_many_go(self, held, left, is_braked):
        source, target = {"a": many(left)}, {"a": many(held)}
        plan = plan_mirror(source, target, is_confirmed=False)
        assert (plan.braked == {"a": Brake.SHRINK}) is is_braked
        assert bool(plan.deletions) is not is_braked
        assert len(plan_mirror(source, target, is_confirmed=True).deletions["a"]) == held - left

    def test_leaves_lists_of_referrers_that_the_target_keeps_for_itself(self):
        kept = f"sha256-{'a' * 64}"
        assert surplus_tags(tags("v1"), tags("v1", kept, f"{kept}.sig")) == {f"{kept}.sig"}
