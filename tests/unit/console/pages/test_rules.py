import re

import pytest

from registries.models import AuditEvent, Edition
from syncjobs.models import Execution, Rule
from tests import factories
from tests.factories import PASSWORD
from tests.unit.console.reading import get_fragment, table_heads, text_of

pytestmark = pytest.mark.django_db


def list_url(source, **query):
    pairs = "".join(f"&{name}={value}" for name, value in query.items())
    return f"/synchronization/?instance={source.instance_id}{pairs}"


def form_data(instance, **changes):
    return {
        "name": "new-rule",
        "description": "规则描述",
        "namespace": "team",
        "repository": "",
        "tag": "",
        "syntax": "pattern",
        "artifact_type": "both",
        "target": instance.instance_id,
        "target_namespace": "",
        "with_referrers": "on",
        "is_push_triggered": "on",
        "schedule": "",
        "time_zone": "UTC",
        "retry_window_seconds": "1 d",
        "is_enabled": "on",
    } | changes


class TestListPage:
    def test_has_region_and_instance_selectors_on_top(self, page, rule):
        markup = page.get("/synchronization/").content.decode()
        assert re.search(r'<select name="region">.*<select name="instance">', markup, re.DOTALL)

    def test_has_the_columns_of_the_design(self, page, rule):
        assert table_heads(page.get(list_url(rule.source))) == [
            "Name",
            "Source",
            "Filters",
            "Target",
            "Type",
            "Override",
            "Status",
            "Last run",
            "Next run",
            "Actions",
        ]

    def test_shows_a_rule_with_its_last_run_and_its_actions(self, page, rule):
        Rule.objects.filter(pk=rule.pk).update(
            repository="api-*", tag="v*", target_namespace="mirror", override=True
        )
        factories.make_execution(rule=rule, status="failed")
        newest = factories.make_finished_execution(rule=rule)
        response = page.get(list_url(rule.source))
        text = text_of(response)
        for expected in (
            "release",
            "project",
            "api-*",
            "v*",
            "target",
            "mirror",
            "Helm Chart",
            "Yes",
            "Succeeded",
            "On push",
        ):
            assert expected in text
        assert "Trigger Preview Configure Logs Delete" in text
        assert f'href="/executions/{newest.pk}/"'.encode() in response.content

    def test_shows_rules_of_the_chosen_instance_only(self, page, rule, target):
        factories.make_rule(source=target, target=rule.source, name="the-way-back")
        text = text_of(page.get(list_url(rule.source)))
        assert "release" in text
        assert "the-way-back" not in text

    def test_remembers_the_chosen_instance(self, page, rule, target):
        page.get(list_url(target))
        assert page.get("/synchronization/").context["choice"].instance == target

    def test_narrows_the_instances_to_the_region(self, page, rule, account):
        far = factories.make_instance(
            account=account, name="far", region=factories.make_region("eu-frankfurt")
        )
        choice = page.get("/synchronization/?region=eu-frankfurt").context["choice"]
        assert choice.instances == [far]
        assert choice.instance == far

    @pytest.mark.parametrize("query", ["instance=tcr-00000000", "region=ap-nowhere"])
    def test_knows_nothing_that_does_not_exist(self, page, rule, query):
        assert page.get(f"/synchronization/?{query}").status_code == 404

    def test_knows_no_instance_of_another_tenant(self, page, rule):
        assert page.get(list_url(factories.make_instance())).status_code == 404

    def test_never_shows_the_name_of_a_foreign_target(self, page, source):
        foreign = factories.make_instance(name="secret-project-name")
        factories.make_cross_tenant_rule(source=source, target=foreign)
        text = text_of(page.get(list_url(source)))
        assert foreign.instance_id in text
        assert "Cross-tenant" in text
        assert "secret-project-name" not in text

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"q": "rel"}, ["release"]),
            ({"state": "disabled"}, ["off"]),
            ({"q": "zzz"}, []),
            ({"sort": "-name"}, ["release", "off"]),
        ],
    )
    def test_searches_filters_and_sorts_as_the_url_says(self, page, rule, query, expected):
        factories.make_rule(source=rule.source, name="off", is_enabled=False)
        response = get_fragment(page, list_url(rule.source, **query), "rules-table")
        assert [row.rule.name for row in response.context["page"]] == expected

    def test_invites_to_create_the_first_rule(self, page, source):
        response = page.get(list_url(source))
        assert f"/synchronization/instances/{source.instance_id}/new/".encode() in response.content
        assert "No synchronization rules yet" in text_of(response)

    def test_says_that_a_basic_instance_has_no_rules(self, page, account):
        basic = factories.make_instance(account=account, edition=Edition.BASIC)
        response = page.get(list_url(basic))
        assert "needs the standard or premium edition" in text_of(response)
        assert f"/synchronization/instances/{basic.instance_id}/new/".encode() not in response.content

    def test_leads_to_the_first_instance_where_there_is_none(self, page):
        assert "A rule copies from one instance to another" in text_of(page.get("/synchronization/"))

    def test_offers_viewers_the_logs_only(self, viewer_page, rule):
        response = viewer_page.get(list_url(rule.source))
        markup = response.content.decode()
        assert f"/synchronization/rules/{rule.pk}/logs/" in markup
        for action in ("enable", "disable", "trigger", "configure", "delete"):
            assert f"/synchronization/rules/{rule.pk}/{action}/" not in markup

    def test_offers_granted_viewers_everything(self, account, rule, sign_in):
        user = factories.make_user(account=account, role="viewer")
        factories.make_grant(user=user, instance=rule.source, permission="synchronize")
        assert "Trigger Preview Configure Logs Delete" in text_of(sign_in(user).get(list_url(rule.source)))

    def test_polls_only_while_something_runs(self, page, rule):
        assert b"data-poll" not in page.get(list_url(rule.source)).content
        factories.make_execution(rule=rule, status="running")
        assert b"data-poll" in page.get(list_url(rule.source)).content

    def test_asks_the_database_a_bounded_number_of_times(self, page, source, django_assert_max_num_queries):
        for _number in range(60):
            factories.make_finished_execution(rule=factories.make_rule(source=source))
        with django_assert_max_num_queries(10):
            assert "1–25 of 60" in text_of(page.get(list_url(source)))


class TestCreate:
    def url(self, source):
        return f"/synchronization/instances/{source.instance_id}/new/"

    def test_shows_the_fields_in_the_order_of_the_seeds(self, page, source):
        names = re.findall(
            r'<(?:input|select|textarea)[^>]* name="(\w+)"', page.get(self.url(source)).content.decode()
        )
        wanted = [
            "name",
            "description",
            "namespace",
            "repository",
            "tag",
            "artifact_type",
            "is_cross_tenant",
            "target",
        ]
        wanted += ["target_instance_id", "target_namespace", "target_username", "target_password", "override"]
        assert [name for name in names if name in wanted] == wanted

    def test_shows_every_field_of_the_form(self, page, source):
        response = page.get(self.url(source))
        missing = [
            name
            for name in response.context["form"].fields
            if f'name="{name}"' not in response.content.decode()
        ]
        assert missing == []

    def test_creates_an_enabled_rule(self, page, owner, source, target):
        response = page.post(self.url(source), form_data(target), follow=True)
        rule = Rule.objects.get(name="new-rule")
        assert rule.is_enabled
        assert (rule.source, rule.target, rule.description) == (source, target, "规则描述")
        assert response.redirect_chain == [(list_url(source), 302)]
        assert "Rule new-rule is created." in text_of(response)
        assert AuditEvent.objects.get(verb="rule.created").actor == owner

    def test_shows_errors_at_their_fields_and_keeps_what_was_typed(self, page, source, target):
        response = page.post(self.url(source), form_data(target, name="Bad Name", repository="{a"))
        assert {"name", "repository"} <= set(response.context["form"].errors)
        assert b'value="Bad Name"' in response.content
        assert not Rule.objects.exists()

    def test_creates_a_cross_tenant_rule(self, page, source):
        foreign = factories.make_access_credential().instance
        data = form_data(foreign, is_cross_tenant="on", target="", target_instance_id=foreign.instance_id)
        data |= {"target_username": foreign.account.uin, "target_password": PASSWORD}
        page.post(self.url(source), data)
        assert Rule.objects.get().target == foreign

    def test_shows_a_rejected_credential_at_the_password(self, page, source):
        foreign = factories.make_access_credential().instance
        data = form_data(foreign, is_cross_tenant="on", target="", target_instance_id=foreign.instance_id)
        data |= {"target_username": foreign.account.uin, "target_password": "wrong-secret"}
        response = page.post(self.url(source), data)
        assert list(response.context["form"].errors) == ["target_password"]
        assert b"wrong-secret" not in response.content

    def test_refuses_viewers(self, viewer_page, source):
        assert viewer_page.get(self.url(source)).status_code == 403
        assert viewer_page.post(self.url(source), {}).status_code == 403


class TestUpdate:
    def test_changes_the_rule(self, page, rule, target):
        url = f"/synchronization/rules/{rule.pk}/configure/"
        response = page.post(url, form_data(target, name="renamed", override="on"), follow=True)
        rule.refresh_from_db()
        assert (rule.name, rule.override) == ("renamed", True)
        assert "Rule renamed is saved." in text_of(response)

    def test_shows_what_is_stored_but_never_a_secret(self, page, source):
        rule = factories.make_cross_tenant_rule(source=source, secret="stored-secret-1")
        response = page.get(f"/synchronization/rules/{rule.pk}/configure/")
        assert rule.target_instance_id.encode() in response.content
        assert b"stored-secret-1" not in response.content

    def test_refuses_viewers(self, viewer_page, rule):
        assert viewer_page.get(f"/synchronization/rules/{rule.pk}/configure/").status_code == 403


class TestEnableAndDisable:
    def test_switch_the_rule_and_come_back(self, page, rule):
        back = list_url(rule.source, page=1)
        response = page.post(f"/synchronization/rules/{rule.pk}/disable/", {"next": back})
        assert response.url == back
        rule.refresh_from_db()
        assert not rule.is_enabled
        page.post(f"/synchronization/rules/{rule.pk}/enable/")
        rule.refresh_from_db()
        assert rule.is_enabled

    @pytest.mark.parametrize("action", ["enable", "disable", "trigger"])
    def test_take_a_form_not_a_link(self, page, rule, action):
        assert page.get(f"/synchronization/rules/{rule.pk}/{action}/").status_code == 405

    def test_tell_viewers_that_they_may_not(self, viewer_page, rule):
        response = viewer_page.post(f"/synchronization/rules/{rule.pk}/disable/", follow=True)
        assert "Your role does not allow this on this instance." in text_of(response)
        rule.refresh_from_db()
        assert rule.is_enabled


class TestTrigger:
    def test_opens_an_execution_and_links_to_it(self, page, owner, rule):
        response = page.post(f"/synchronization/rules/{rule.pk}/trigger/", follow=True)
        execution = Execution.objects.get()
        assert (execution.trigger, execution.started_by) == ("manual", owner)
        assert f"Task {execution.pk} of rule release is started." in text_of(response)
        assert f'<a href="/executions/{execution.pk}/">Watch it</a>'.encode() in response.content

    def test_refuses_a_disabled_rule_with_the_reason(self, page, rule):
        Rule.objects.filter(pk=rule.pk).update(is_enabled=False)
        response = page.post(f"/synchronization/rules/{rule.pk}/trigger/", follow=True)
        assert "The rule is disabled." in text_of(response)
        assert not Execution.objects.exists()

    def test_refuses_a_second_scan(self, page, rule):
        page.post(f"/synchronization/rules/{rule.pk}/trigger/")
        response = page.post(f"/synchronization/rules/{rule.pk}/trigger/", follow=True)
        assert "has not finished." in text_of(response)
        assert Execution.objects.count() == 1

    def test_tells_viewers_that_they_may_not(self, viewer_page, rule):
        response = viewer_page.post(f"/synchronization/rules/{rule.pk}/trigger/", follow=True)
        assert "Your role does not allow this on this instance." in text_of(response)
        assert not Execution.objects.exists()

    def test_escapes_what_it_says(self, page, rule):
        Rule.objects.filter(pk=rule.pk).update(name="<b>bold</b>")
        response = page.post(f"/synchronization/rules/{rule.pk}/trigger/", follow=True)
        assert b"<b>bold</b>" not in response.content


class TestDelete:
    def test_deletes_when_the_name_is_typed(self, page, rule):
        response = page.post(f"/synchronization/rules/{rule.pk}/delete/", {"name": "release"}, follow=True)
        assert "Rule release is deleted." in text_of(response)
        assert not Rule.objects.exists()

    def test_deletes_nothing_otherwise(self, page, rule):
        response = page.post(f"/synchronization/rules/{rule.pk}/delete/", {"name": "releas"})
        assert "This is not the name." in text_of(response)
        assert Rule.objects.exists()

    def test_opens_in_a_dialog(self, page, rule):
        response = get_fragment(page, f"/synchronization/rules/{rule.pk}/delete/", "dialog")
        assert b"<html" not in response.content

    def test_refuses_viewers(self, viewer_page, rule):
        assert viewer_page.get(f"/synchronization/rules/{rule.pk}/delete/").status_code == 403
        assert (
            viewer_page.post(f"/synchronization/rules/{rule.pk}/delete/", {"name": "release"}).status_code
            == 403
        )
