"""What a preview says of what was found: counts, the first lines, conflicts, and what is missing."""

import pytest

from syncjobs.planner import Selection, plan_repositories
from syncjobs.services.previewing.report import (
    SHOWN_LINES,
    Action,
    Preview,
    Problem,
    RepositoryFindings,
    Verdict,
    find_conflicts,
    summarize,
)

EVERYTHING = Selection(namespace="team")
FLAT = Selection(namespace="team", target_namespace="flat", flatten=True)


def found(source: str, tags: str = "", **verdicts: Action) -> RepositoryFindings:
    return RepositoryFindings(
        source, source, tuple(tags.split()), {tag: Verdict(action) for tag, action in verdicts.items()}
    )


class TestSummarize:
    def test_counts_every_action_and_what_was_not_compared(self):
        plan = plan_repositories(EVERYTHING, ["team/a", "team/b"])
        preview = summarize(
            plan,
            [
                found("team/a", "v1 v2 v3", v1=Action.NEW, v2=Action.SAME),
                found("team/b", "v1", v1=Action.KEEP),
            ],
        )
        counts = {action.value: count for action, count in preview.counts.items() if count}
        assert counts == {"new": 1, "same": 1, "keep": 1, "not_compared": 1}
        assert (preview.repository_count, preview.tag_count, preview.copied_count) == (2, 4, 1)
        assert not preview.is_complete

    def test_lists_what_would_not_be_passed_over_in_natural_order(self):
        plan = plan_repositories(EVERYTHING, ["team/a10", "team/a9"])
        preview = summarize(
            plan,
            [
                found("team/a9", "v9 v10", v9=Action.NEW, v10=Action.REPLACE),
                found("team/a10", "v1 v2", v1=Action.SAME, v2=Action.OTHER_TYPE),
            ],
        )
        assert [(line.source_repository, line.tag) for line in preview.lines] == [
            ("team/a9", "v9"),
            ("team/a9", "v10"),
            ("team/a10", "v2"),
        ]
        assert preview.line_count == 3

    def test_shows_the_first_fifty_lines_of_all_repositories_together(self):
        names = [f"team/r{number}" for number in range(4)]
        tags = [f"v{number}" for number in range(20)]
        preview = summarize(
            plan_repositories(EVERYTHING, names),
            [found(name, " ".join(tags), **dict.fromkeys(tags, Action.NEW)) for name in names],
        )
        assert len(preview.lines) == SHOWN_LINES
        assert preview.line_count == 80
        assert (preview.lines[-1].source_repository, preview.lines[-1].tag) == ("team/r2", "v9")

    def test_says_of_how_many_repositories_the_tags_are_not_known(self):
        plan = plan_repositories(EVERYTHING, ["team/a", "team/b", "team/c"])
        preview = summarize(plan, [found("team/a"), RepositoryFindings("team/b", "team/b")])
        assert (preview.repository_count, preview.unlisted_count) == (3, 2)
        assert not preview.is_complete

    def test_does_not_call_a_refused_repository_of_a_conflict_unlisted(self):
        plan = plan_repositories(FLAT, ["team/a/app", "team/b/app"])
        preview = summarize(plan, [])
        assert preview.unlisted_count == 0
        assert preview.is_complete

    @pytest.mark.parametrize(
        "missing", [{"is_listed_whole": False}, {"problem": Problem("unreachable", "source")}]
    )
    def test_is_not_complete_with_half_a_catalogue_or_a_problem(self, missing):
        assert not summarize(plan_repositories(EVERYTHING, []), [], **missing).is_complete
        assert summarize(plan_repositories(EVERYTHING, []), []).is_complete


class TestFindConflicts:
    def test_names_all_sources_of_a_shared_target(self):
        plan = plan_repositories(FLAT, ["team/b/app", "team/a/app", "team/other"])
        (conflict,) = find_conflicts(plan)
        assert (conflict.reason, conflict.target) == ("target_collision", "flat/app")
        assert conflict.sources == ("team/a/app", "team/b/app")

    def test_tells_of_names_that_registries_refuse(self):
        selection = Selection(namespace="team", target_namespace="n" * 200)
        (conflict,) = find_conflicts(plan_repositories(selection, [f"team/{'a' * 80}"]))
        assert conflict.reason == "target_name_too_long"

    def test_counts_the_sources_that_it_does_not_show(self):
        plan = plan_repositories(FLAT, [f"team/d{number}/app" for number in range(25)])
        (conflict,) = find_conflicts(plan)
        assert len(conflict.shown_sources) == 10
        assert conflict.hidden_count == 15


class TestAsJson:
    def test_holds_every_action_and_what_is_missing(self):
        plan = plan_repositories(EVERYTHING, ["team/a"])
        document = summarize(
            plan, [found("team/a", "v1", v1=Action.NEW)], problem=Problem("forbidden", "source", "HTTP 403")
        ).as_json()
        assert document["tags"] == {action.value: int(action is Action.NEW) for action in Action}
        assert document["lines"][0]["source"] == "team/a:v1"
        assert document["is_complete"] is False
        assert document["problem"]["text"] == "Source: The stored account may not do this at the registry."

    def test_of_an_empty_preview_is_complete(self):
        assert Preview().as_json()["is_complete"] is True
