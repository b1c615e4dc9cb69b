"""Everybody is asked to come back later; what watches the processes is answered."""

import pytest
from django.test import Client

from tests.unit.console.reading import text_of


@pytest.fixture
def client(settings) -> Client:
    settings.MAINTENANCE = True
    return Client()


def test_asks_for_patience_without_the_database(client):
    for path in ("/", "/sign-in/", "/no/such/page", "/api/v1/instances/"):
        response = client.get(path, headers={"X-Request-ID": "trace-12345"})
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "300"
        assert "being worked on" in text_of(response)
        assert "trace-12345" in text_of(response)


def test_lets_registries_send_their_events_again(client):
    assert client.post("/hooks/registry/tcr-anything/").status_code == 503


@pytest.mark.django_db
def test_goes_on_answering_health_checks(client):
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_is_off_unless_it_is_switched_on(client, settings):
    settings.MAINTENANCE = False
    assert client.get("/sign-in/").status_code == 200
