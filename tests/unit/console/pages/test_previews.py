"""The preview below the form of a rule, and on its own page: two fake registries, nothing saved."""

import re

import pytest

from registries.models import AccessCredential, AuditEvent, Instance
from syncjobs.models import Execution, Rule
from tests import factories
from tests.factories import PASSWORD
from tests.fakes import images
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.console.pages.test_rules import form_data, list_url
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(source):
    with FakeRegistry() as registry:
        Instance.objects.filter(pk=source.pk).update(endpoint_url=registry.url)
        yield registry


@pytest.fixture
def there(target):
    with FakeRegistry() as registry:
        Instance.objects.filter(pk=target.pk).update(endpoint_url=registry.url)
        yield registry


@pytest.fixture
def content(here, there):
    images.push(images.image("new"), here, "team/app", "v1.0")
    images.push(images.image("changed"), here, "team/app", "v2.0")
    images.push(images.image("same"), here, "team/app", "v3.0")
    images.push(images.image("before"), there, "team/app", "v2.0")
    images.push(images.image("same"), there, "team/app", "v3.0")


def create_url(source):
    return f"/synchronization/instances/{source.instance_id}/new/"


def preview_url(rule):
    return f"/synchronization/rules/{rule.pk}/preview/"


class TestForm:
    def test_shows_what_a_run_would_do_and_saves_nothing(self, page, source, target, content):
        response = page.post(create_url(source), form_data(target, preview="1"))
        text = text_of(response)
        assert response.status_code == 200
        assert "What a run would do now" in text
        assert "1 New" in text
        assert "1 Kept" in text
        assert "1 Up to date" in text
        assert "team/app: v1.0" in text
        assert "Nothing was saved yet." in text
        assert not Rule.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_keeps_everything_that_was_typed(self, page, source, target, content):
        typed = form_data(target, preview="1", name="typed-name", repository="app*", schedule="0 3 * * *")
        markup = page.post(create_url(source), typed).content.decode()
        for expected in ("typed-name", "app*", "0 3 * * *", "规则描述"):
            assert expected in markup
        assert re.search(rf'<option value="{target.instance_id}" selected', markup)

    def test_follows_what_was_typed_not_what_is_stored(self, page, rule, target, content):
        Rule.objects.filter(pk=rule.pk).update(namespace="elsewhere")
        response = page.post(
            f"/synchronization/rules/{rule.pk}/configure/",
            form_data(target, preview="1", name="release", override="on"),
        )
        assert "1 Replaced" in text_of(response)
        rule.refresh_from_db()
        assert (rule.namespace, rule.override) == ("elsewhere", False)

    def test_asks_nobody_while_the_form_has_errors(self, page, source, target, content, here):
        response = page.post(create_url(source), form_data(target, preview="1", name="Bad Name"))
        assert "name" in response.context["form"].errors
        assert "What a run would do now" not in text_of(response)
        assert not here.requests

    def test_needs_the_password_of_another_account_and_never_shows_it(self, page, source, here):
        images.push(images.image(), here, "team/app", "v1")
        with FakeRegistry() as registry:
            foreign = factories.make_instance(endpoint_url=registry.url, name="secret-name")
            factories.make_access_credential(instance=foreign)
            data = form_data(
                foreign, preview="1", is_cross_tenant="on", target="", target_instance_id=foreign.instance_id
            )
            data |= {"target_username": foreign.account.uin, "target_password": PASSWORD}
            response = page.post(create_url(source), data)
        assert "1 New" in text_of(response)
        assert "Enter the password again before you save." in text_of(response)
        assert PASSWORD.encode() not in response.content
        assert b"secret-name" not in response.content
        assert not Rule.objects.exists()

    def test_of_a_stored_rule_to_another_account_uses_the_stored_password(self, page, source, here):
        images.push(images.image(), here, "project/app", "v1")
        with FakeRegistry() as registry:
            foreign = factories.make_instance(endpoint_url=registry.url)
            rule = factories.make_cross_tenant_rule(source=source, target=foreign)
            data = form_data(
                foreign, preview="1", is_cross_tenant="on", target="", target_instance_id=foreign.instance_id
            )
            data |= {"namespace": "project", "target_username": foreign.account.uin}
            response = page.post(f"/synchronization/rules/{rule.pk}/configure/", data)
        assert "1 New" in text_of(response)
        assert "Enter the password again" not in text_of(response)

    def test_refuses_viewers(self, viewer_page, source, target):
        response = viewer_page.post(create_url(source), form_data(target, preview="1"))
        assert response.status_code == 403


class TestPage:
    @pytest.fixture
    def rule(self, rule, content):
        Rule.objects.filter(pk=rule.pk).update(namespace="team")
        return rule

    def test_asks_nobody_before_it_is_told_to(self, page, rule, here, there):
        response = page.get(preview_url(rule))
        assert response.status_code == 200
        assert "What a run would do now" not in text_of(response)
        assert not here.requests
        assert not there.requests

    def test_shows_counts_and_tags(self, page, rule):
        response = page.post(preview_url(rule))
        text = text_of(response)
        assert "1 New" in text
        assert "team/app: v2.0" in text
        assert 'data-status="keep"' in response.content.decode()
        assert not Execution.objects.exists()

    def test_shows_conflicts(self, page, rule, here):
        Rule.objects.filter(pk=rule.pk).update(is_flattened=True)
        for path in ("team/a/tool", "team/b/tool"):
            images.push(images.image(path), here, path, "v1")
        text = text_of(page.post(preview_url(rule)))
        assert "team/a/tool team/b/tool team/tool" in text
        assert "Several source repositories map to this target" in text

    def test_says_what_was_not_looked_at(self, page, rule, there):
        there.stop()
        text = text_of(page.post(preview_url(rule)))
        assert "Target: The registry cannot be reached." in text
        assert "This is not everything. The tags of 1 repository were not looked at." in text

    def test_says_that_all_is_up_to_date(self, page, rule):
        Rule.objects.filter(pk=rule.pk).update(tag="v3.*")
        assert "Everything that the rule selects is up to date." in text_of(page.post(preview_url(rule)))

    def test_says_that_nothing_matches(self, page, rule):
        Rule.objects.filter(pk=rule.pk).update(namespace="nowhere")
        assert "Nothing matches the rule." in text_of(page.post(preview_url(rule)))

    def test_says_why_a_credential_is_refused(self, page, source, here):
        rule = factories.make_cross_tenant_rule(source=source)
        AccessCredential.objects.update(is_enabled=False)
        text = text_of(page.post(preview_url(rule)))
        assert "The access credential was disabled by the account that issued it." in text

    def test_escapes_what_registries_say(self, page, rule, here):
        here.fault(Fault(path="_catalog", status=403, body=b"no <b>bold</b> words", times=None))
        response = page.post(preview_url(rule))
        assert "bold" in text_of(response)
        assert b"<b>bold" not in response.content

    def test_is_linked_from_the_row_of_the_rule(self, page, viewer_page, rule):
        markup = page.get(list_url(rule.source)).content.decode()
        assert f'action="{preview_url(rule)}"' in markup
        assert preview_url(rule) not in viewer_page.get(list_url(rule.source)).content.decode()

    def test_refuses_viewers_and_does_not_exist_for_strangers(self, viewer_page, sign_in, rule, here):
        stranger = sign_in(factories.make_user())
        for method in ("get", "post"):
            assert getattr(viewer_page, method)(preview_url(rule)).status_code == 403
            assert getattr(stranger, method)(preview_url(rule)).status_code == 404
        assert not here.requests
