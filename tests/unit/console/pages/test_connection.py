"""The page that tests a connection: a form first, then what became of each step."""

import pytest
from django.urls import reverse

from registries.models import Health, Instance
from registries.services import connections

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(source):
    Instance.objects.filter(pk=source.pk).update(endpoint_url="http://127.0.0.1:9")
    return reverse("instances:connection", args=[source.instance_id])


def test_tests_nothing_before_it_is_asked_to(page, path, source):
    text = page.get(path).content.decode()
    assert "csrfmiddlewaretoken" in text
    assert "data-status" not in text
    source.refresh_from_db()
    assert source.health == Health.UNKNOWN


def test_shows_every_step_in_words(page, path, source):
    text = page.post(path).content.decode()
    for label in connections.STEPS.values():
        assert str(label) in text
    assert "The registry cannot be reached." in text
    source.refresh_from_db()
    assert source.health == Health.UNHEALTHY


def test_tries_the_stored_address_whatever_is_posted(page, path):
    text = page.post(
        path, {"endpoint_url": "http://127.0.0.2:9", "url": "http://127.0.0.2:9"}
    ).content.decode()
    assert "127.0.0.2" not in text


def test_is_not_for_viewers(viewer_page, path):
    assert viewer_page.get(path).status_code == 403
    assert viewer_page.post(path).status_code == 403


def test_is_linked_from_the_instance(page, path, source):
    assert path in page.get(reverse("instances:detail", args=[source.instance_id])).content.decode()
