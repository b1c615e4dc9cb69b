"""The state machine, its documentation, and the roll-up."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjobs import states
from syncjobs.states import JobCounts, Status, roll_up, sources_of, success_ratio

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "states.md"


def drawn(title: str) -> set[tuple[str, str]]:
    section = PAGE.read_text().split(f"## {title}")[1].split("```")[1]
    return {(a, b) for a, b in re.findall(r"(\w+) --> (\w+)", section) if a != "*"}


class TestTransitions:
    @pytest.mark.parametrize(
        ("title", "table"),
        [("Executions", states.EXECUTION_TRANSITIONS), ("Jobs", states.JOB_TRANSITIONS)],
    )
    def test_are_what_the_page_draws(self, title, table):
        assert {(a.value, b.value) for a, targets in table.items() for b in targets} == drawn(title)

    def test_success_is_final(self):
        assert not states.EXECUTION_TRANSITIONS[Status.SUCCEEDED]
        assert not states.JOB_TRANSITIONS[Status.SUCCEEDED]

    def test_sources_are_the_inverse_of_the_table(self):
        for target in Status:
            for source in sources_of(states.JOB_TRANSITIONS, target):
                assert target in states.JOB_TRANSITIONS[source]


class TestRollUp:
    @pytest.mark.parametrize(
        ("counts", "expected"),
        [
            (JobCounts(), Status.SUCCEEDED),
            (JobCounts(succeeded=3), Status.SUCCEEDED),
            (JobCounts(succeeded=3, pending=1), None),
            (JobCounts(failed=3, running=1), None),
            (JobCounts(succeeded=3, failed=1), Status.FAILED),
            (JobCounts(succeeded=3, stopped=1), Status.STOPPED),
            (JobCounts(stopped=3, failed=1), Status.FAILED),
        ],
    )
    def test_follows_from_the_jobs(self, counts, expected):
        assert roll_up(counts) == expected

    @given(st.builds(JobCounts, *([st.integers(0, 5)] * 5)))
    def test_never_ends_while_a_job_is_active_and_never_hides_a_failure(self, counts):
        result = roll_up(counts)
        assert (result is None) == (counts.active > 0)
        if result is not None and counts.failed:
            assert result is Status.FAILED


class TestSuccessRatio:
    def test_is_unknown_without_jobs_and_a_share_otherwise(self):
        assert success_ratio(succeeded_count=0, total_count=0) is None
        assert success_ratio(succeeded_count=3, total_count=4) == 0.75
