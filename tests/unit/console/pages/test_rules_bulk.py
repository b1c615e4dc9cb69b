import re

import pytest

from registries.models import AuditEvent
from syncjobs.models import Execution, Rule
from tests import factories
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db

URL = "/synchronization/rules/bulk/"


@pytest.fixture
def off(rule):
    return factories.make_rule(source=rule.source, target=rule.target, name="off", is_enabled=False)


def list_url(source):
    return f"/synchronization/?instance={source.instance_id}"


def post(client, act, *rules, **values):
    return client.post(URL, {"act": act, "rule": [rule.pk for rule in rules]} | values, follow=True)


def names_of_rules():
    return set(Rule.objects.values_list("name", flat=True))


def is_enabled(rule):
    return Rule.objects.get(pk=rule.pk).is_enabled


class TestTheTable:
    def test_has_a_named_checkbox_for_each_rule_that_belongs_to_the_form(self, page, rule, off):
        markup = page.get(list_url(rule.source)).content.decode()
        boxes = re.findall(r'<input type="checkbox" name="rule"[^>]*>', markup)
        assert re.findall(r'value="(\d+)"', "".join(boxes)) == [str(off.pk), str(rule.pk)]
        assert all('form="bulk"' in box for box in boxes)
        assert 'aria-label="Choose rule release"' in markup
        assert re.findall(r'name="act" value="(\w+)"', markup) == ["enable", "disable", "trigger", "delete"]

    def test_nests_no_form_in_another(self, page, rule, off):
        depth = 0
        for tag in re.findall(r"<form|</form", page.get(list_url(rule.source)).content.decode()):
            depth += 1 if tag == "<form" else -1
            assert depth in (0, 1)

    def test_offers_viewers_nothing_to_choose(self, viewer_page, rule):
        markup = viewer_page.get(list_url(rule.source)).content.decode()
        assert 'type="checkbox"' not in markup
        assert URL not in markup

    def test_offers_nothing_to_choose_where_no_rule_is(self, page, source):
        assert URL not in page.get(list_url(source)).content.decode()

    def test_comes_back_to_the_same_filter_and_page(self, page, rule):
        url = f"{list_url(rule.source)}&q=rel&page=1"
        [form] = re.findall(r'<form class="bulk".*?</form>', page.get(url).content.decode(), re.DOTALL)
        assert f'name="next" value="{url.replace("&", "&amp;")}"' in form

    def test_costs_no_query_per_rule(self, page, source, django_assert_max_num_queries):
        for _number in range(25):
            factories.make_finished_execution(rule=factories.make_rule(source=source))
        with django_assert_max_num_queries(15):
            page.get(list_url(source))


class TestBulk:
    def test_switches_the_chosen_rules_and_counts_them(self, page, owner, rule, off):
        back = f"{list_url(rule.source)}&page=1"
        response = post(page, "enable", rule, off, next=back)
        assert response.redirect_chain == [(back, 302)]
        assert "2 rules are enabled." in text_of(response)
        assert is_enabled(off)
        assert "1 rule is disabled." in text_of(post(page, "disable", off))
        assert (is_enabled(rule), is_enabled(off)) == (True, False)
        assert AuditEvent.objects.get(verb="rule.disabled").actor == owner

    def test_names_those_refused_with_the_reason_in_one_message(self, page, rule, off):
        old = factories.make_rule(source=rule.source, target=rule.target, name="old", is_enabled=False)
        response = post(page, "trigger", rule, off, old)
        reason = "The rule is disabled. Enable it before you trigger it."
        text = f"1 rule is triggered. Not done for off, old: {reason}"
        assert [(str(told), told.level_tag) for told in response.context["messages"]] == [(text, "error")]
        assert Execution.objects.get().rule == rule

    def test_acts_once_on_a_rule_that_is_given_twice(self, page, rule):
        assert "1 rule is triggered." in text_of(post(page, "trigger", rule, rule))
        assert Execution.objects.count() == 1

    def test_finds_no_rule_of_another_tenant(self, page, rule):
        foreign = factories.make_rule(name="secret-project-name")
        text = text_of(post(page, "disable", rule, foreign))
        assert "1 rule is disabled. 1 rule was not found." in text
        assert "secret-project-name" not in text
        assert is_enabled(foreign)

    @pytest.mark.parametrize("act", ["enable", "disable", "trigger", "delete"])
    def test_is_not_found_where_all_are_of_another_tenant(self, page, act):
        foreign = factories.make_rule()
        assert post(page, act, foreign, name="delete").status_code == 404
        assert is_enabled(foreign)
        assert not Execution.objects.exists()

    @pytest.mark.parametrize("junk", ["", "x", "-1", "9" * 30, "\x00", "1.5", "²"])
    def test_counts_what_is_no_id_as_not_found(self, page, rule, junk):
        response = page.post(URL, {"act": "disable", "rule": [str(rule.pk), junk]}, follow=True)
        assert "1 rule is disabled. 1 rule was not found." in text_of(response)

    def test_asks_to_choose_where_nothing_is_chosen(self, page, rule):
        assert "Choose rules first." in text_of(post(page, "delete"))

    def test_takes_200_rules_at_most(self, page, rule):
        ids = [rule.pk, *range(10**6, 10**6 + 200)]
        response = page.post(URL, {"act": "disable", "rule": ids}, follow=True)
        assert "Choose at most 200 rules at once." in text_of(response)
        assert is_enabled(rule)

    def test_knows_no_other_acts(self, page, rule):
        assert post(page, "explode", rule).status_code == 400

    def test_takes_a_form_not_a_link(self, page):
        assert page.get(URL).status_code == 405

    def test_leads_nowhere_else(self, page, rule):
        response = post(page, "enable", rule, next="https://elsewhere.example/")
        assert response.redirect_chain == [("/synchronization/", 302)]

    @pytest.mark.parametrize("act", ["disable", "trigger"])
    def test_tells_viewers_that_they_may_not(self, viewer_page, rule, act):
        text = text_of(post(viewer_page, act, rule))
        assert "Not done for release: Your role does not allow this on this instance." in text
        assert is_enabled(rule)
        assert not Execution.objects.exists()

    def test_checks_the_permission_for_each_rule(self, account, rule, sign_in):
        user = factories.make_user(account=account, role="viewer")
        factories.make_grant(user=user, instance=rule.source, permission="synchronize")
        other = factories.make_rule(source=rule.target, target=rule.source, name="the-way-back")
        text = text_of(post(sign_in(user), "disable", rule, other))
        assert "1 rule is disabled. Not done for the-way-back: Your role does not allow this" in text
        assert (is_enabled(rule), is_enabled(other)) == (False, True)


class TestDelete:
    def test_asks_first_and_names_the_rules(self, page, rule, off):
        response = post(page, "delete", rule, off, next=f"{list_url(rule.source)}&page=1")
        text = text_of(response)
        assert "Delete 2 rules?" in text
        assert "off release" in text
        assert "This field is required." not in text
        assert f'href="{list_url(rule.source)}&amp;page=1"' in response.content.decode()
        assert names_of_rules() == {"release", "off"}

    def test_deletes_once_the_word_is_typed(self, page, rule, off):
        keep = factories.make_rule(source=rule.source, target=rule.target, name="keep")
        back = f"{list_url(rule.source)}&q=e"
        response = post(page, "delete", rule, off, name="delete", next=back)
        assert response.redirect_chain == [(back, 302)]
        assert "2 rules are deleted." in text_of(response)
        assert names_of_rules() == {keep.name}

    def test_asks_again_after_another_word(self, page, rule, off):
        assert "This is not the name." in text_of(post(page, "delete", rule, off, name="release"))
        assert names_of_rules() == {"release", "off"}

    def test_leads_nowhere_else_when_cancelled(self, page, rule):
        response = post(page, "delete", rule, next="https://elsewhere.example/")
        assert b"elsewhere.example" not in response.content

    def test_refuses_viewers(self, viewer_page, rule):
        assert post(viewer_page, "delete", rule).status_code == 403
        assert post(viewer_page, "delete", rule, name="delete").status_code == 403
        assert names_of_rules() == {"release"}
