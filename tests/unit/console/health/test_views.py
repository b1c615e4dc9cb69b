"""Health checks and metrics."""

from datetime import timedelta

import pytest
from django.utils import timezone

from syncjobs.models import Worker
from syncjobs.queries.status import get_status
from syncjobs.states import Status
from tests.factories.syncjobs import make_execution, make_finished_execution, make_job, make_worker

pytestmark = pytest.mark.django_db


class TestHealthz:
    def test_answers_anybody(self, client):
        assert client.get("/healthz").json() == {"status": "ok"}


class TestReadyz:
    def test_is_unready_without_a_worker_and_ready_with_one(self, client):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "no worker")
        make_worker()
        assert client.get("/readyz").status_code == 200

    def test_a_worker_that_was_not_seen_for_a_minute_does_not_count(self, client):
        make_worker(heartbeat_at=timezone.now() - timedelta(minutes=2))
        assert client.get("/readyz").status_code == 503


class TestMetrics:
    def test_do_not_exist_without_a_token_setting(self, client, settings):
        settings.METRICS_TOKEN = ""
        assert client.get("/metrics").status_code == 404

    @pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}])
    def test_are_refused_without_the_token(self, client, settings, header):
        settings.METRICS_TOKEN = "sesame"
        assert client.get("/metrics", headers=header).status_code == 401

    def test_show_what_the_tables_say(self, client, settings):
        settings.METRICS_TOKEN = "sesame"
        make_finished_execution()
        make_job(execution=make_execution(paused_until=timezone.now() + timedelta(minutes=1)))
        worker = make_worker(job_count=3)

        text = client.get("/metrics", headers={"Authorization": "Bearer sesame"}).content.decode()

        assert 'regatta_executions_finished_24h{status="succeeded"} 1.0' in text
        assert 'regatta_tags_24h{outcome="copied"} 5.0' in text
        assert "regatta_jobs_due 1.0" in text
        assert "regatta_executions_paused 1.0" in text
        assert f'regatta_worker_jobs{{kind="drain",worker="{worker.name}"}} 3.0' in text


class TestGetStatus:
    def test_tells_how_long_the_oldest_due_job_has_waited(self):
        now = timezone.now()
        make_job(not_before=now - timedelta(seconds=90))
        make_job(not_before=now + timedelta(hours=1))
        make_job(status=Status.SUCCEEDED)
        status = get_status(now)
        assert (status.due_job_count, status.waiting_job_count) == (1, 2)
        assert status.oldest_due_job_seconds == 90

    def test_leaves_out_what_finished_before_yesterday(self):
        make_finished_execution(finished_at=timezone.now() - timedelta(hours=25))
        assert get_status(timezone.now()).finished_24h["succeeded"] == 0

    def test_costs_a_handful_of_queries(self, django_assert_max_num_queries):
        for _ in range(5):
            make_worker()
        assert Worker.objects.count() == 5
        with django_assert_max_num_queries(12):
            get_status(timezone.now())
