import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from syncjobs.models import Execution, Job, Rule
from tests import factories
from tests.unit.console.reading import get_fragment, table_heads, text_of

pytestmark = pytest.mark.django_db

SEED_COLUMNS = [
    "Task ID",
    "Creation time",
    "Time spent",
    "Success rate",
    "Number of synced repositories",
    "Synchronization status",
]


def logs_url(rule, query=""):
    return f"/synchronization/rules/{rule.pk}/logs/{query}"


def ids(response):
    return [row.execution.pk for row in response.context["page"]]


class TestListPage:
    def test_has_the_six_columns_of_the_seeds_first(self, page, rule):
        factories.make_finished_execution(rule=rule)
        assert table_heads(page.get(logs_url(rule))) == [*SEED_COLUMNS, "Trigger"]

    def test_shows_the_newest_first(self, page, rule):
        executions = [factories.make_finished_execution(rule=rule) for _number in range(3)]
        assert ids(page.get(logs_url(rule))) == [execution.pk for execution in reversed(executions)]

    def test_shows_a_line_as_the_seeds_name_it(self, page, rule):
        now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        execution = factories.make_execution(
            rule=rule,
            status="failed",
            now=now,
            created_at=now - timedelta(minutes=3),
            started_at=now - timedelta(seconds=125),
            repository_count=3,
            succeeded_repository_count=2,
            failed_count=4,
            trigger="push",
        )
        text = text_of(page.get(logs_url(rule)))
        assert f"{execution.pk} 2026-03-01 11:57:00 2 min 05 s 66.6 % 3 Failed 4 tags failed Push" in text

    def test_says_that_nothing_matched(self, page, rule):
        factories.make_execution(rule=rule, status="succeeded", reason="nothing_matched")
        assert "Nothing matched the rule." in text_of(page.get(logs_url(rule)))

    def test_says_when_the_next_attempt_is(self, page, rule):
        later = timezone.now() + timedelta(minutes=10, seconds=30)
        factories.make_execution(rule=rule, status="running", next_attempt_at=later)
        assert "InProgress Next attempt in 10 min" in text_of(page.get(logs_url(rule)))

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("?status=failed", ["manual-failed"]),
            ("?trigger=push", ["push"]),
            ("?status=failed&trigger=push", []),
            ("?since=2026-03-02", ["manual-failed"]),
            ("?until=2026-03-01", ["push"]),
            ("?since=2026-03-01&until=2026-03-02", ["manual-failed", "push"]),
            ("?status=nonsense&since=yesterday", ["manual-failed", "push"]),
        ],
    )
    def test_filters_as_the_url_says(self, page, rule, query, expected):
        first = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
        second = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
        factories.make_execution(
            rule=rule, status="succeeded", trigger="push", created_at=first, reason="push"
        )
        factories.make_execution(rule=rule, status="failed", created_at=second, reason="manual-failed")
        response = get_fragment(page, logs_url(rule, query), "executions-table")
        assert [row.execution.reason for row in response.context["page"]] == expected

    def test_takes_days_in_the_users_time_zone(self, page, owner, rule):
        owner.time_zone = "Asia/Shanghai"
        owner.save()
        execution = factories.make_finished_execution(
            rule=rule, created_at=datetime(2026, 3, 1, 18, tzinfo=UTC)
        )
        assert ids(page.get(logs_url(rule, "?since=2026-03-02&until=2026-03-02"))) == [execution.pk]
        assert ids(page.get(logs_url(rule, "?until=2026-03-01"))) == []

    def test_turns_pages_and_keeps_the_filter(self, page, rule):
        for _number in range(55):
            factories.make_finished_execution(rule=rule)
        response = page.get(logs_url(rule, "?status=succeeded&page=2"))
        assert "51–55 of 55" in text_of(response)
        assert b'href="?status=succeeded&amp;page=1"' in response.content

    def test_tells_when_the_rule_has_not_run(self, page, rule):
        assert "This rule has not run yet" in text_of(page.get(logs_url(rule)))
        assert "No execution matches the filter" in text_of(page.get(logs_url(rule, "?status=failed")))

    def test_polls_only_while_something_runs(self, page, rule):
        factories.make_finished_execution(rule=rule)
        assert b"data-poll" not in page.get(logs_url(rule)).content
        factories.make_execution(rule=rule, status="running")
        assert b"data-poll" in page.get(logs_url(rule)).content

    def test_shows_how_far_a_running_one_is(self, page, rule):
        factories.make_execution(
            rule=rule,
            status="running",
            repository_count=4,
            succeeded_repository_count=2,
            failed_repository_count=1,
            bytes_copied=2048,
        )
        assert "3 of 4 repositories finished · 2.00 KiB" in text_of(page.get(logs_url(rule)))

    def test_does_not_offer_to_trigger_a_disabled_rule(self, page, rule):
        Rule.objects.filter(pk=rule.pk).update(is_enabled=False)
        assert b'type="submit" disabled' in page.get(logs_url(rule)).content

    def test_asks_the_database_a_bounded_number_of_times(self, page, rule, django_assert_max_num_queries):
        for _number in range(60):
            factories.make_finished_execution(rule=rule)
        with django_assert_max_num_queries(6):
            page.get(logs_url(rule))


class TestExport:
    def rows(self, client, rule, query=""):
        response = client.get(f"/synchronization/rules/{rule.pk}/logs.csv{query}")
        text = b"".join(response.streaming_content).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))

    def test_begins_with_the_columns_of_the_page(self, page, rule):
        assert self.rows(page, rule)[0][:7] == [*SEED_COLUMNS, "Trigger"]

    def test_holds_the_filtered_lines(self, page, rule):
        factories.make_finished_execution(rule=rule)
        failed = factories.make_execution(
            rule=rule, status="failed", reason="storage_full", reason_detail="=507 full"
        )
        rows = self.rows(page, rule, "?status=failed")
        assert len(rows) == 2
        assert rows[1][0] == str(failed.pk)
        assert rows[1][5] == "Failed"
        assert rows[1][-1] == "The registry has no space left. =507 full"

    def test_holds_no_formula(self, page, rule):
        factories.make_execution(
            rule=rule, status="failed", reason_detail='=HYPERLINK("http://evil.example")'
        )
        assert self.rows(page, rule)[1][-1].startswith("'=HYPERLINK")

    def test_holds_every_line_of_a_long_log(self, page, rule):
        now = timezone.now()
        Execution.objects.bulk_create(
            Execution(
                source=rule.source,
                rule=rule,
                status="succeeded",
                trigger="push",
                created_at=now,
                finished_at=now,
            )
            for _number in range(2300)
        )
        assert len(self.rows(page, rule)) == 2301

    def test_is_for_viewers_too(self, viewer_page, rule):
        assert len(self.rows(viewer_page, rule)) == 1


@pytest.fixture
def failed(rule):
    """An execution of three repositories: one copied, one with two failed tags, one stopped."""
    execution = factories.make_execution(
        rule=rule,
        status="failed",
        repository_count=3,
        succeeded_repository_count=1,
        copied_count=7,
        up_to_date_count=40,
        skipped_count=1,
        failed_count=2,
        bytes_copied=3 * 1024**3,
    )
    done = factories.make_job(
        execution=execution, status="succeeded", copied_count=7, source_repository="project/done"
    )
    factories.make_outcome(job=done, status="skipped", tag="v1", reason="exists")
    factories.make_outcome(job=done, status="copied", tag="v2", digest="sha256:" + "a" * 64)
    broken = factories.make_job(
        execution=execution,
        status="failed",
        source_repository="project/broken",
        failed_count=2,
        reason="forbidden",
        reason_side="target",
        reason_detail="denied: <requested> access",
    )
    factories.make_outcome(
        job=broken,
        status="failed",
        tag="v9",
        reason="storage_full",
        reason_side="target",
        reason_detail="507 quota",
    )
    factories.make_outcome(
        job=broken, status="failed", tag="v10", reason="schema1_refused", reason_side="source"
    )
    factories.make_job(execution=execution, status="stopped", source_repository="project/stopped")
    return execution


class TestDetail:
    def url(self, execution, query=""):
        return f"/executions/{execution.pk}/{query}"

    def test_sums_up(self, page, failed):
        text = text_of(page.get(self.url(failed)))
        for expected in (
            "Failed",
            "2 of 3 repositories finished · 1 stopped",
            "Success rate 33.3 %",
            "7 copied",
            "40 up to date",
            "1 skipped",
            "2 failed",
            "3.00 GiB 51.2 MiB/s",
        ):
            assert expected in text

    def test_shows_repositories_with_trouble_first(self, page, failed):
        jobs = [row.job.source_repository for row in page.get(self.url(failed)).context["jobs"]]
        assert jobs == ["project/broken", "project/stopped", "project/done"]

    def test_shows_the_registrys_own_words(self, page, failed):
        response = page.get(self.url(failed))
        assert (
            "Target: The stored account may not do this at the registry. denied: <requested> access"
            in text_of(response)
        )
        assert b"<requested>" not in response.content

    def test_shows_failed_tags_first(self, page, failed):
        text = text_of(page.get(self.url(failed)))
        assert "project/broken: v9 Failed Target: The registry has no space left. 507 quota" in text
        assert "project/done: v1" not in text

    @pytest.mark.parametrize(
        ("query", "tags"), [("?tags=skipped", ["v1"]), ("?tags=copied", ["v2"]), ("?tags=deleted", [])]
    )
    def test_shows_the_other_tags_on_request(self, page, failed, query, tags):
        assert [outcome.tag for outcome in page.get(self.url(failed, query)).context["outcomes"]] == tags

    def test_shows_the_tags_of_one_repository(self, page, failed):
        job = Job.objects.get(source_repository="project/done")
        response = page.get(self.url(failed, f"?tags=failed&repository={job.pk}"))
        assert list(response.context["outcomes"]) == []

    def test_filters_repositories_by_status(self, page, failed):
        rows = page.get(self.url(failed, "?state=stopped")).context["jobs"]
        assert [row.job.source_repository for row in rows] == ["project/stopped"]

    def test_offers_to_retry_what_failed(self, page, failed):
        markup = page.get(self.url(failed)).content.decode()
        assert f"/executions/{failed.pk}/retry/" in markup
        assert f"/executions/{failed.pk}/stop/" not in markup

    def test_offers_viewers_nothing(self, viewer_page, failed):
        assert b"/retry/" not in viewer_page.get(self.url(failed)).content

    def test_does_not_poll_once_it_is_final(self, page, failed):
        assert b"hx-trigger" not in page.get(self.url(failed)).content

    def test_counts_the_attempts_under_way(self, page, rule):
        execution = factories.make_execution(rule=rule, status="running", copied_count=3, bytes_copied=1024)
        progress = {
            "copied": 2,
            "up_to_date": 5,
            "skipped": 0,
            "failed": 0,
            "deleted": 0,
            "bytes_copied": 1024,
        }
        factories.make_job(execution=execution, status="running", progress=progress)
        response = get_fragment(page, self.url(execution), "execution-progress")
        text = text_of(response)
        assert "5 copied 5 up to date" in text
        assert "2.00 KiB" in text
        assert b'hx-trigger="every 2s, poll"' in response.content
        assert b"<html" not in response.content

    def test_names_the_repositories_in_work(self, page, rule):
        execution = factories.make_execution(rule=rule, status="running", repository_count=10)
        for number in range(9):
            factories.make_job(
                execution=execution,
                status="running",
                source_repository=f"team/app{number}",
                progress={"bytes_copied": 2048},
                attempt=2,
            )
        summary = page.get(self.url(execution)).context["summary"]
        assert [row.job.source_repository for row in summary.current] == [f"team/app{n}" for n in range(8)]
        text = text_of(page.get(self.url(execution)))
        assert "In work team/app0 2.00 KiB · attempt 2 team/app1" in text

    def test_says_what_it_waits_for(self, page, rule):
        later = timezone.now() + timedelta(minutes=10, seconds=30)
        execution = factories.make_execution(rule=rule, status="running", next_attempt_at=later)
        factories.make_job(
            execution=execution,
            source_repository="project/limited",
            attempt=2,
            not_before=later,
            reason="throttled",
            reason_side="source",
            reason_detail="429 toomanyrequests",
        )
        text = text_of(page.get(self.url(execution)))
        assert "Paused. Next attempt in 10 min" in text
        assert (
            "project/limited: Source: The registry limits the rate of requests. 429 toomanyrequests" in text
        )
        assert "Waiting" in text

    def test_says_until_when_a_registry_wants_a_pause(self, page, rule):
        later = timezone.now() + timedelta(minutes=10, seconds=30)
        execution = factories.make_execution(
            rule=rule, status="running", paused_until=later, pause_reason="429 from a.example"
        )
        text = text_of(page.get(self.url(execution)))
        assert f"Paused until {later:%Y-%m-%d %H:%M:%S}" in text
        assert "429 from a.example" in text

    def test_shows_the_look_for_repositories_until_it_has_succeeded(self, page, rule):
        execution = factories.make_execution(rule=rule)
        job = factories.make_job(
            execution=execution, kind="discover", source_repository="", target_repository=""
        )
        text = text_of(page.get(self.url(execution)))
        assert "Looking for the repositories that match the rule" in text
        assert "Find repositories Pending" in text
        Job.objects.filter(pk=job.pk).update(status="succeeded", finished_at=timezone.now())
        assert "Find repositories" not in text_of(page.get(self.url(execution)))

    def test_lets_a_failed_look_for_repositories_be_retried(self, page, rule):
        execution = factories.make_execution(rule=rule, status="failed", reason="unauthorized")
        factories.make_job(execution=execution, kind="discover", status="failed", source_repository="")
        assert b"/retry/" in page.get(self.url(execution)).content

    def test_shows_an_execution_without_a_rule(self, page, account, sign_in):
        primary = factories.make_instance(account=account, edition="premium")
        execution = factories.make_execution(replica=factories.make_replica(primary=primary))
        assert page.get(self.url(execution)).status_code == 200

    def test_marks_the_section_of_the_rule_or_replica_in_the_sidebar(self, page, account, rule):
        primary = factories.make_instance(account=account, edition="premium")
        of_replica = factories.make_execution(replica=factories.make_replica(primary=primary))
        of_rule = factories.make_execution(rule=rule)
        for execution, url in ((of_replica, "/replication/"), (of_rule, "/synchronization/")):
            assert f'href="{url}" aria-current="page"' in page.get(self.url(execution)).content.decode()

    def test_asks_the_database_a_bounded_number_of_times(self, page, rule, django_assert_max_num_queries):
        execution = factories.make_execution(rule=rule, status="running")
        for number in range(60):
            job = factories.make_job(
                execution=execution, status="running", progress={"copied": 1}, lease_token=f"t{number}"
            )
            factories.make_outcome(job=job, status="failed")
        with django_assert_max_num_queries(12):
            page.get(self.url(execution))


class TestStop:
    def test_stops_what_waits_and_says_so(self, page, rule):
        execution = factories.make_execution(rule=rule)
        factories.make_job(execution=execution)
        response = page.post(f"/executions/{execution.pk}/stop/", follow=True)
        execution.refresh_from_db()
        assert execution.status == "stopped"
        assert f"Task {execution.pk} is being stopped." in text_of(response)

    def test_refuses_what_has_finished(self, page, failed):
        response = page.post(f"/executions/{failed.pk}/stop/", follow=True)
        assert f"Task {failed.pk} has finished." in text_of(response)

    def test_tells_viewers_that_they_may_not(self, viewer_page, rule):
        execution = factories.make_execution(rule=rule)
        response = viewer_page.post(f"/executions/{execution.pk}/stop/", follow=True)
        assert "Your role does not allow this on this instance." in text_of(response)


class TestRetry:
    def test_puts_failed_and_stopped_repositories_back(self, page, failed):
        response = page.post(f"/executions/{failed.pk}/retry/", follow=True)
        failed.refresh_from_db()
        assert failed.status == "running"
        assert f"What failed or was stopped in task {failed.pk} is tried again." in text_of(response)
        assert Job.objects.filter(execution=failed, status="pending").count() == 2

    def test_refuses_when_nothing_failed(self, page, rule):
        execution = factories.make_finished_execution(rule=rule)
        response = page.post(f"/executions/{execution.pk}/retry/", follow=True)
        assert f"Task {execution.pk} has no failed repository." in text_of(response)
