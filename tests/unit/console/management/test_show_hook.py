"""`manage.py show_hook`: what it prints can be pasted, and works."""

import json

import pytest
import yaml
from django.test import Client

from registries.models import Instance
from syncjobs.models import PushEvent
from tests.factories import make_backend, make_hosted_instance, make_instance
from tests.unit.console.hooks.test_formats import event

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance(settings):
    settings.BASE_URL = "https://regatta.example.org"
    return make_instance(name="source")


class TestText:
    def test_holds_a_yaml_block_for_docker_registry(self, run, instance):
        output = run("show_hook", "source").output
        (endpoint,) = yaml.safe_load(output.split("# Harbor")[0])["notifications"]["endpoints"]
        assert endpoint["url"] == f"https://regatta.example.org/hooks/registries/{instance.instance_id}"
        assert endpoint["ignore"] == {
            "mediatypes": ["application/octet-stream"],
            "actions": ["pull", "mount"],
        }
        (authorization,) = endpoint["headers"]["Authorization"]
        assert authorization.startswith("Bearer ")
        assert {"name", "timeout", "threshold", "backoff"} <= endpoint.keys()

    def test_holds_the_fields_of_harbor(self, run, instance):
        lines = run("show_hook", "source").output.split("# Harbor")[1].splitlines()
        fields = dict(line.split(":", 1) for line in lines[1:])
        assert fields["Endpoint URL"].strip().endswith(instance.instance_id)
        assert fields["Auth Header"].strip().startswith("Bearer ")
        assert fields["Event Type"].strip() == "Artifact deleted, Artifact pushed"

    def test_is_refused_for_an_unknown_instance(self, run):
        result = run("show_hook", "nowhere")
        assert result.code == 2
        assert "nowhere" in result.errors


class TestBackend:
    def test_is_told_for_all_that_it_holds(self, run, settings):
        settings.BASE_URL = "https://regatta.example.org"
        make_backend(code="gz-1")
        document = run("show_hook", "--backend", "gz-1", "--json").document
        assert document["backend"] == "gz-1"
        assert document["url"] == "https://regatta.example.org/hooks/backends/gz-1"
        rotated = run("show_hook", "--backend", "gz-1", "--json", "--rotate").document
        assert rotated["authorization"] != document["authorization"]
        assert "# gz-1. Keep this secret." in run("show_hook", "--backend", "gz-1").output

    def test_is_named_where_a_hosted_instance_was_asked_for(self, run):
        hosted = make_hosted_instance(backend=make_backend(code="gz-1"))
        result = run("show_hook", hosted.instance_id)
        assert (result.code, "manage.py show_hook --backend gz-1" in result.errors) == (2, True)

    def test_is_refused_for_an_unknown_code(self, run):
        make_backend(code="gz-1")
        result = run("show_hook", "--backend", "gz-9")
        assert (result.code, "There are: gz-1." in result.errors) == (2, True)


class TestJson:
    def test_holds_the_same(self, run, instance):
        document = run("show_hook", instance.instance_id, "--json").document
        (endpoint,) = document["docker_registry"]["notifications"]["endpoints"]
        assert document["instance_id"] == instance.instance_id
        assert document["url"] == endpoint["url"] == document["harbor"]["Endpoint URL"]
        assert document["authorization"] == endpoint["headers"]["Authorization"][0]

    def test_opens_the_hook(self, run, instance):
        authorization = run("show_hook", "source", "--json").document["authorization"]
        answer = Client().post(
            f"/hooks/registries/{instance.instance_id}",
            json.dumps({"events": [event()]}),
            content_type="application/json",
            headers={"Authorization": authorization},
        )
        assert answer.status_code == 202
        assert PushEvent.objects.count() == 1


class TestSecret:
    def test_is_the_same_each_time_until_it_is_rotated(self, run, instance):
        first, second, rotated, last = (
            run("show_hook", "source", "--json", *options).document["authorization"]
            for options in ([], [], ["--rotate"], [])
        )
        assert first == second != rotated == last

    def test_that_does_not_open_is_refused_with_the_way_out(self, run, instance, settings):
        run("show_hook", "source")
        settings.VAULT_KEYS = {"another": b"x" * 32}
        result = run("show_hook", "source")
        assert result.code == 2
        assert "--rotate" in result.errors
        assert run("show_hook", "source", "--rotate").code == 0
        assert Instance.objects.get().sealed_hook_secret.startswith("another.")
