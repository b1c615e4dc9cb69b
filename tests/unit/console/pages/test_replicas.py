from datetime import timedelta

import pytest
from django.utils import timezone

from registries.models import Edition, Replica, ReplicaStatus
from syncjobs.models import DriftReport, Execution, LagSample, Trigger
from tests import factories
from tests.unit.console.reading import get_fragment, table_heads, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shanghai():
    """A healthy backend in Shanghai."""
    return factories.make_backend(region=factories.make_region("ap-shanghai"), health="healthy")


@pytest.fixture
def replica(source, shanghai):
    return factories.make_replica(primary=source, backend=shanghai)


@pytest.fixture
def operator_page(account, sign_in):
    return sign_in(factories.make_user(account=account, role="operator"))


def failed(replica, **fields):
    return factories.make_execution(
        replica=replica, status="failed", trigger=Trigger.SWEEP, reason="unreachable", **fields
    )


class TestListPage:
    def test_is_in_the_sidebar_below_synchronization(self, page):
        text = text_of(page.get("/replication/"))
        assert "Synchronization and Replication Synchronization Instance Replication" in text

    def test_shows_the_columns_of_the_seed(self, page, replica):
        assert table_heads(page.get("/replication/")) == [
            "Primary Instance Name",
            "Default Region",
            "Replicate to",
            "Status",
            "Behind",
            "Last success",
            "Drift",
            "Actions",
        ]

    def test_shows_the_replicas_of_the_chosen_instance(self, page, replica, target):
        url = f"/replication/?instance={replica.primary.instance_id}"
        text = text_of(page.get(url))
        assert f"source {replica.replica_id} South China (Guangzhou) ap-guangzhou" in text
        assert f"East China (Shanghai) ap-shanghai {replica.address}" in text
        assert replica.replica_id not in text_of(page.get(f"/replication/?instance={target.instance_id}"))

    def test_shows_the_prefix_in_the_pull_address_only_and_no_backend(self, page, replica):
        for url in ("/replication/", f"/replication/replicas/{replica.replica_id}/"):
            markup = page.get(url).content.decode()
            assert f">{replica.address}</code>" in markup
            without = markup.replace(replica.address, "")
            for hidden in (replica.prefix, replica.backend.code, replica.backend.endpoint_url):
                assert hidden not in without

    def test_shows_how_many_tags_could_not_be_copied(self, page, replica):
        run = failed(replica, failed_count=2)
        job = factories.make_job(execution=run, status="failed", attempt=1, retry_tags=["v1", "v2"])
        for tag in ("v1", "v2"):
            factories.make_outcome(job=job, tag=tag, status="failed", reason="schema1_refused")
        text = text_of(page.get("/replication/"))
        assert "2 tags could not be copied" in text
        assert f"Task {run.pk} failed." in text

    def test_shows_how_many_pushed_tags_have_not_arrived(self, page, replica):
        now = timezone.now()
        run = factories.make_execution(
            replica=replica, trigger=Trigger.PUSH, created_at=now - timedelta(seconds=12)
        )
        factories.make_job(execution=run, tags=["v1", "v2", "v3"])
        assert "3 artifacts 12." in text_of(page.get("/replication/"))

    def test_links_the_task_of_a_replica_that_is_gone(self, page, replica):
        removal = factories.make_execution(
            replica=replica,
            replica_name=replica.replica_id,
            trigger=Trigger.REMOVAL,
            status="succeeded",
            finished_at=timezone.now(),
        )
        name = replica.replica_id
        assert "was removed" not in text_of(page.get("/replication/"))
        replica.delete()
        response = page.get("/replication/")
        assert f"Replica {name} was removed just now" in text_of(response)
        assert f'href="/executions/{removal.pk}/"'.encode() in response.content

    def test_draws_the_lag_of_the_last_hour_without_inline_style(self, page, replica):
        now = timezone.now()
        for minutes, seconds in ((50, 5), (30, 90), (1, 12)):
            LagSample.objects.create(
                replica=replica, sampled_at=now - timedelta(minutes=minutes), seconds_behind=seconds
            )
        response = page.get("/replication/")
        assert b'class="sparkline" role="img"' in response.content
        assert b'<line class="sparkline__base" x1="0"' in response.content
        assert b"Last hour: at most 1 min 30 s behind" in response.content
        assert b"style=" not in response.content

    def test_says_what_is_being_tried_again(self, page, replica):
        run = factories.make_execution(replica=replica, trigger=Trigger.PUSH, status="running")
        factories.make_job(
            execution=run,
            tags=["v1"],
            reason="unreachable",
            reason_detail="refused",
            first_failed_at=timezone.now(),
        )
        text = text_of(page.get("/replication/"))
        assert "Being tried again: The registry cannot be reached. refused" in text

    def test_shows_the_last_success_drift_checks_aside(self, page, replica):
        now = timezone.now()
        for trigger, hours in ((Trigger.SWEEP, 3), (Trigger.DRIFT, 1)):
            factories.make_execution(
                replica=replica, status="succeeded", trigger=trigger, finished_at=now - timedelta(hours=hours)
            )
        text = text_of(page.get("/replication/"))
        assert "3 h ago" in text
        assert "1 h ago" not in text

    def test_shows_why_the_last_task_failed_and_offers_to_retry(self, page, replica):
        run = failed(replica, reason_detail="connection refused")
        response = page.get("/replication/")
        assert f"Task {run.pk} failed. The registry cannot be reached. connection refused" in text_of(
            response
        )
        assert f"/executions/{run.pk}/retry/".encode() in response.content

    def test_forgets_a_failure_that_was_made_up_for(self, page, replica):
        failed(replica)
        factories.make_execution(replica=replica, status="succeeded", trigger=Trigger.SWEEP)
        assert "failed." not in text_of(page.get("/replication/"))

    def test_shows_what_the_last_drift_check_found(self, page, replica):
        now = timezone.now()
        DriftReport.objects.create(replica=replica, checked_at=now, missing_count=2, surplus_count=1)
        assert "3 differences" in text_of(page.get("/replication/"))
        DriftReport.objects.create(replica=replica, checked_at=now, compared_count=9)
        assert "No differences" in text_of(page.get("/replication/"))

    def test_polls_only_while_something_runs(self, page, replica):
        assert b"every 3s" not in page.get("/replication/").content
        factories.make_execution(replica=replica, status="running", trigger=Trigger.BACKFILL)
        fragment = get_fragment(page, "/replication/", "replicas-table")
        assert b"every 3s, poll" in fragment.content
        assert b"<html" not in fragment.content

    def test_says_which_edition_it_needs(self, page, target):
        text = text_of(page.get(f"/replication/?instance={target.instance_id}"))
        assert "Instance replication needs the premium edition; this instance is Standard." in text
        assert "Create a replica" not in text

    def test_invites_to_create_the_first(self, page, source):
        assert "Create a replica" in text_of(page.get("/replication/"))

    def test_offers_viewers_nothing_to_do(self, viewer_page, replica):
        markup = viewer_page.get("/replication/").content
        for act in (b"/new/", b"/delete/", b"/repair/", b"/check-drift/"):
            assert act not in markup

    def test_offers_operators_checks_and_repairs_only(self, operator_page, replica):
        markup = operator_page.get("/replication/").content
        assert b"/check-drift/" in markup
        assert b"/repair/" in markup
        assert b"/delete/" not in markup

    def test_offers_nothing_for_a_replica_that_is_being_deleted(self, page, replica):
        Replica.objects.update(status=ReplicaStatus.DELETING)
        response = page.get("/replication/")
        assert "Deleting" in text_of(response)
        for act in (b"/delete/", b"/repair/", b"/check-drift/"):
            assert act not in response.content

    def test_asks_the_database_a_bounded_number_of_times(self, page, source, django_assert_max_num_queries):
        for _number in range(8):
            replica = factories.make_replica(primary=source)
            failed(replica)
            DriftReport.objects.create(replica=replica, checked_at=timezone.now())
        with django_assert_max_num_queries(15):
            page.get("/replication/")


class TestCreate:
    def url(self, source):
        return f"/replication/instances/{source.instance_id}/new/"

    def test_shows_the_fields_of_the_seed(self, page, source, shanghai):
        factories.make_backend(region=factories.make_region("ap-tokyo"))
        text = text_of(page.get(self.url(source)))
        assert "Primary Instance Name source" in text
        assert "Default Region South China (Guangzhou)" in text
        assert "Replicate to" in text
        assert "East China (Shanghai) (ap-shanghai)" in text
        assert "Tokyo" not in text

    def test_creates_a_replica_and_opens_its_back_fill(self, page, owner, source, shanghai):
        response = page.post(self.url(source), {"region": "ap-shanghai"}, follow=True)
        replica = Replica.objects.get()
        assert (replica.status, replica.backend) == (ReplicaStatus.DEPLOYING, shanghai)
        assert "The replica in East China (Shanghai) is being deployed." in text_of(response)
        assert "Deploying Back-fill" in text_of(response)
        run = Execution.objects.get()
        assert (run.replica, run.trigger, run.started_by) == (replica, Trigger.BACKFILL, owner)

    @pytest.mark.parametrize(
        ("region", "words"),
        [
            ("ap-guangzhou", "A replica cannot be in the same region as the primary instance"),
            ("ap-singapore", "Cross-border instance replication is not supported"),
            ("ap-beijing", "has no room for it now"),
            ("mars", "There is no region “mars”."),
            ("", "Choose the region to replicate to."),
        ],
    )
    def test_refuses_a_region_at_its_field(self, page, source, region, words):
        response = page.post(self.url(source), {"region": region})
        assert list(response.context["form"].errors) == ["region"]
        assert words in text_of(response)
        assert not Replica.objects.exists()

    def test_shows_the_quota_at_the_region(self, page, source, shanghai, settings):
        settings.QUOTAS = settings.QUOTAS | {"premium": settings.QUOTAS["premium"] | {"replicas": 0}}
        response = page.post(self.url(source), {"region": "ap-shanghai"})
        assert list(response.context["form"].errors) == ["region"]
        assert "The quota of source is used up: replicas, 0 at most" in text_of(response)

    def test_says_when_no_region_is_left(self, page, source):
        assert "No region is left" in text_of(page.get(self.url(source)))

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_refuses_operators(self, operator_page, source, method):
        assert getattr(operator_page, method)(self.url(source)).status_code == 403


class TestDetail:
    def test_shows_the_replica_and_how_it_came_to_be(self, page, replica):
        text = text_of(page.get(f"/replication/replicas/{replica.replica_id}/"))
        for expected in (replica.replica_id, "SyncDBTask", "CreateTcrCrdTask", "BackfillTask", "PENDING"):
            assert expected in text

    def test_shows_the_differences_of_the_newest_report(self, page, replica):
        lines = [
            {"repository": "project/app", "tag": "v1", "difference": "missing"},
            {"repository": "project/app", "tag": "v2", "difference": "different"},
            {"repository": "project/web", "tag": "v3", "difference": "surplus"},
        ]
        DriftReport.objects.create(
            replica=replica,
            checked_at=timezone.now(),
            compared_count=500,
            missing_count=1,
            different_count=1,
            surplus_count=1,
            lines=lines,
        )
        text = text_of(page.get(f"/replication/replicas/{replica.replica_id}/"))
        assert "project/app: v1 Missing at the replica" in text
        assert "project/app: v2 Another digest than at the primary" in text
        assert "project/web: v3 Not at the primary" in text
        assert " 500 1 1 1 " in text

    def test_says_when_a_report_is_not_complete(self, page, replica):
        DriftReport.objects.create(replica=replica, checked_at=timezone.now(), is_complete=False)
        text = text_of(page.get(f"/replication/replicas/{replica.replica_id}/"))
        assert "Incomplete" in text
        assert "No differences" not in text


class TestDelete:
    def url(self, replica):
        return f"/replication/replicas/{replica.replica_id}/delete/"

    def test_asks_for_the_id(self, page, replica):
        assert f"Type {replica.replica_id} to confirm" in text_of(page.get(self.url(replica)))
        response = page.post(self.url(replica), {"name": "source"})
        assert "This is not the name." in text_of(response)
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.RUNNING

    def test_marks_the_replica_and_opens_the_removal(self, page, replica):
        response = page.post(self.url(replica), {"name": replica.replica_id}, follow=True)
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.DELETING
        assert Execution.objects.get().trigger == Trigger.REMOVAL
        assert "The replica in East China (Shanghai) is being deleted." in text_of(response)

    def test_says_that_it_is_being_deleted_already(self, page, replica):
        page.post(self.url(replica), {"name": replica.replica_id})
        response = page.post(self.url(replica), {"name": replica.replica_id}, follow=True)
        assert "The replica is being deleted already." in text_of(response)
        assert Execution.objects.count() == 1

    def test_refuses_operators(self, operator_page, replica):
        assert operator_page.post(self.url(replica), {"name": replica.replica_id}).status_code == 403


class TestActs:
    @pytest.mark.parametrize(("act", "trigger"), [("check-drift", Trigger.DRIFT), ("repair", Trigger.REPAIR)])
    def test_opens_an_execution_and_links_to_it(self, operator_page, replica, act, trigger):
        response = operator_page.post(f"/replication/replicas/{replica.replica_id}/{act}/", follow=True)
        run = Execution.objects.get()
        assert run.trigger == trigger
        assert f'/executions/{run.pk}/">Watch it</a>'.encode() in response.content

    @pytest.mark.parametrize("act", ["check-drift", "repair"])
    def test_tells_viewers_that_they_may_not(self, viewer_page, replica, act):
        response = viewer_page.post(f"/replication/replicas/{replica.replica_id}/{act}/", follow=True)
        assert "Your role does not allow this" in text_of(response)
        assert not Execution.objects.exists()

    def test_says_when_one_is_running(self, page, replica):
        page.post(f"/replication/replicas/{replica.replica_id}/repair/")
        response = page.post(f"/replication/replicas/{replica.replica_id}/repair/", follow=True)
        assert "has not finished" in text_of(response)


class TestLogs:
    def url(self, replica):
        return f"/replication/replicas/{replica.replica_id}/logs/"

    def test_has_the_columns_of_synchronization_logs(self, page, replica):
        failed(replica)
        assert table_heads(page.get(self.url(replica)))[:6] == [
            "Task ID",
            "Creation time",
            "Time spent",
            "Success rate",
            "Number of synced repositories",
            "Synchronization status",
        ]

    def test_shows_the_executions_of_the_replica_only(self, page, source, replica):
        mine = failed(replica)
        other = failed(factories.make_replica(primary=source))
        markup = page.get(self.url(replica)).content
        assert f"/executions/{mine.pk}/".encode() in markup
        assert f"/executions/{other.pk}/".encode() not in markup

    def test_filters_by_status_and_trigger(self, page, replica):
        failed(replica)
        assert "No execution matches the filter" in text_of(page.get(self.url(replica) + "?trigger=push"))
        assert "Task ID" in text_of(page.get(self.url(replica) + "?trigger=sweep&status=failed"))

    def test_can_be_downloaded(self, page, replica):
        run = failed(replica)
        response = page.get(f"/replication/replicas/{replica.replica_id}/logs.csv")
        lines = b"".join(response.streaming_content).decode().splitlines()
        assert f"replication-logs-{replica.replica_id}.csv" in response.headers["Content-Disposition"]
        assert lines[1].startswith(f"{run.pk},")

    def test_an_execution_leads_back_to_its_replica(self, page, replica):
        run = failed(replica)
        markup = page.get(f"/executions/{run.pk}/").content.decode()
        assert f"/replication/replicas/{replica.replica_id}/logs/" in markup

    def test_an_execution_outlives_its_replica(self, page, replica):
        run = failed(replica)
        name = replica.replica_id
        Execution.objects.update(replica=None, replica_name=name)
        replica.delete()
        assert name in text_of(page.get(f"/executions/{run.pk}/"))
        assert name in text_of(page.get("/"))


class TestOtherTenants:
    @pytest.mark.parametrize("rest", ["", "delete/", "check-drift/", "repair/", "logs/", "logs.csv"])
    def test_see_no_replica(self, sign_in, replica, rest):
        client = sign_in(factories.make_user(role="owner"))
        url = f"/replication/replicas/{replica.replica_id}/{rest}"
        assert {client.get(url).status_code, client.post(url).status_code} <= {404, 405}

    def test_edition_premium_is_what_the_fixture_has(self, source):
        assert source.edition == Edition.PREMIUM
