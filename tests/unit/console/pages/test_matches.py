"""What a rule would match, shown in its form while it is typed: a fake registry, nothing saved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registries.models import AuditEvent, Instance
from registries.services import snapshots
from syncjobs.models import Rule
from tests import factories
from tests.factories import PASSWORD
from tests.fakes import images
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.console.pages.test_rules import form_data
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db

IMAGE = images.image("one")


@pytest.fixture
def here(source):
    with FakeRegistry(page_size=3) as registry:
        Instance.objects.filter(pk=source.pk).update(endpoint_url=registry.url)
        for repository in ("team/api", "team/web", "team/deep/web", "other/tool"):
            for tag in ("v1.9", "v1.10", "latest"):
                images.push(IMAGE, registry, repository, tag)
        registry.clear_log()
        yield registry


def create_url(source):
    return f"/synchronization/instances/{source.instance_id}/new/"


def typed(**values):
    return {"match": "1", "namespace": "", "repository": "", "tag": "", "syntax": "pattern"} | values


@pytest.fixture
def ask(page, source):
    """Return what the form shows while somebody types."""

    def asked(client=page, **values):
        response = client.post(
            create_url(source), typed(**values), headers={"HX-Request": "true", "HX-Target": "matches"}
        )
        assert response.status_code == 200
        assert "<html" not in response.content.decode()
        return text_of(response)

    return asked


class TestWhileTyping:
    def test_shows_matching_repositories_and_tags_with_their_counts(self, ask, here):
        text = ask(namespace="team", repository="**/web", tag="v*")
        assert "2 repositories of 3 in the namespace match." in text
        assert "team/deep/web 2 of 3 tags · v1.10 v1.9" in text
        assert "team/api" not in text
        assert "other/tool" not in text

    def test_shows_where_repositories_would_go_and_which_would_meet(self, ask, here):
        text = ask(namespace="team", target_namespace="mirror", is_flattened="on")
        assert "team/api → mirror/api" in text
        assert "1 path at the target would be shared by several repositories" in text

    def test_shows_the_error_of_a_filter_and_its_place(self, ask, here):
        assert "Tag :" in (text := ask(namespace="team", tag="v{1"))
        assert "(character " in text
        assert "Repository Name :" in ask(namespace="team", repository="(", syntax="regex")
        assert not here.requests

    def test_asks_for_a_namespace_and_names_those_there_are(self, ask, here):
        assert "Enter the namespace to see what matches. Names read just now" in (text := ask())
        assert "Namespaces of the source: other team" in text
        assert "The source holds nothing in this namespace." in ask(namespace="te")

    def test_looks_into_all_namespaces_where_they_are_meant(self, ask, here):
        assert "3 repositories of 4 in the namespace match." in ask(
            namespace="*", repository="{web,tool,api}"
        )

    def test_says_that_nothing_matches(self, ask, here):
        assert "None matches of 3 repositories in the namespace." in ask(namespace="team", repository="x*")

    def test_shows_the_first_few_of_many(self, ask, here):
        for number in range(10):
            images.push(IMAGE, here, f"many/app{number}", "v1")
            images.push(IMAGE, here, "many/app0", f"v{number}")
        text = ask(namespace="many")
        assert "10 repositories of 10 in the namespace match." in text
        assert "many/app4" in text
        assert "many/app5" not in text
        assert "and 5 more repositories" in text
        assert "10 of 10 tags · v9 v8 v7 v6 v5 v4 v3 v2 …" in text

    def test_leaves_out_the_tags_of_signatures(self, ask, here):
        images.push(IMAGE, here, "signed/app", "v1")
        images.push(IMAGE, here, "signed/app", IMAGE.digest.replace(":", "-") + ".sig")
        assert "1 of 1 tag · v1" in ask(namespace="signed")

    def test_asks_the_registry_once_for_many_letters(self, ask, here):
        for namespace in ("t", "te", "team"):
            ask(namespace=namespace, repository="api")
        assert here.count("GET", "_catalog") == 2  # two pages of one list
        assert here.count("GET", "/tags/list") == 1

    def test_reads_again_when_told_to_and_when_the_list_is_old(self, ask, here, source, monkeypatch):
        ask(namespace="team")
        images.push(IMAGE, here, "team/late", "v1")
        assert "team/late" not in ask(namespace="team")
        assert "team/late" in ask(namespace="team", match="anew")
        images.push(IMAGE, here, "team/later", "v1")
        found = snapshots.read_repositories(
            instance=source_of(source), by=None, now=timezone.now() + timedelta(minutes=6)
        )
        assert "team/later" in found.names

    def test_names_exact_repositories_of_a_source_that_does_not_list(self, ask, here):
        here.fault(Fault(path="_catalog", status=404, times=None))
        text = ask(namespace="team", repository="{api,gone}")
        assert "The source does not list its repositories" in text
        assert "team/api 3 of 3 tags" in text
        assert "team/gone No tags." in text

    def test_says_why_the_source_cannot_be_read(self, ask, here):
        here.stop()
        text = ask(namespace="team")
        assert "The registry could not be read. The registry cannot be reached." in text

    def test_tells_the_rest_where_one_repository_is_refused(self, ask, here):
        here.fault(Fault(path="team/api/tags", status=403, times=None))
        text = ask(namespace="team")
        assert "team/api The registry did not tell its tags." in text
        assert "team/web 3 of 3 tags" in text

    def test_saves_nothing_and_notes_nothing(self, ask, here):
        ask(namespace="team")
        assert not Rule.objects.exists()
        assert not AuditEvent.objects.exists()


def source_of(instance):
    return Instance.objects.select_related("account", "credential").get(pk=instance.pk)


class TestWithoutJavaScript:
    def test_keeps_everything_that_was_typed_and_shows_no_errors_of_it(self, page, source, target, here):
        data = form_data(target, match="anew", name="Bad Name", override="on", target_password=PASSWORD)
        del data["is_push_triggered"]
        response = page.post(create_url(source), data)
        markup = response.content.decode()
        assert "3 repositories of 3 in the namespace match." in text_of(response)
        assert 'value="Bad Name"' in markup
        assert f'value="{target.instance_id}" selected' in markup
        assert "Please correct" not in markup
        assert PASSWORD not in markup
        form = response.context["form"]
        assert form["override"].value()
        assert not form["is_push_triggered"].value()

    def test_follows_what_was_typed_not_what_is_stored(self, page, rule, target, here):
        url = f"/synchronization/rules/{rule.pk}/configure/"
        response = page.post(url, form_data(target, match="anew", namespace="other"))
        assert "1 repository of 1 in the namespace matches." in text_of(response)
        assert response.context["form"]["namespace"].value() == "other"
        rule.refresh_from_db()
        assert rule.namespace == "project"

    def test_has_a_button_for_it(self, page, source):
        markup = page.get(create_url(source)).content.decode()
        assert "Show what matches" in markup


class TestPermission:
    def test_refuses_viewers_and_does_not_exist_for_strangers(self, ask, viewer_page, sign_in, source, here):
        ask(namespace="team")  # what is remembered is not for everybody either
        here.clear_log()
        for client, status in ((viewer_page, 403), (sign_in(factories.make_user()), 404)):
            response = client.post(create_url(source), typed(namespace="team"))
            assert response.status_code == status
            assert "team/api" not in response.content.decode()
        assert not here.requests
