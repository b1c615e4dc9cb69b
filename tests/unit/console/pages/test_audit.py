"""The audit page shows administrators what was done in their account, and staff everything."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from console.shared import keyset, verbs
from registries import audit
from registries.models import AuditEvent
from tests import factories
from tests.unit.console.reading import get_fragment, table_heads, text_of

pytestmark = pytest.mark.django_db

URL = "/audit/"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def note(verb: audit.Verb = audit.Verb.RULE_CREATED, *, now: datetime = NOW, **fields: Any) -> AuditEvent:
    """Record an event whose object is an account unless another target is given."""
    target = fields.pop("target", None) or fields["account"]
    return audit.record(verb, by=fields.pop("by", None), target=target, now=now, **fields)


def read_csv(response: Any) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


class TestListPage:
    def test_shows_who_did_what_to_which_object_and_from_where(self, page, owner, rule):
        note(
            audit.Verb.RULE_UPDATED,
            by=owner,
            target=rule,
            account=owner.account,
            changes={"tag": ["v*", "v2*"], "override": "True", "namespaces": []},
        )
        response = page.get(URL)
        assert table_heads(response) == ["Time", "Actor", "Act", "Object", "Address", "Changes"]
        text = text_of(response)
        for words in (
            owner.login,
            "Rule: changed",
            "release",
            "3 fields",
            "tag : v*",
            "v2*",
            "override : True",
        ):
            assert words in text

    def test_shows_nothing_of_other_accounts(self, page, account):
        note(account=account)
        note(account=factories.make_account(name="Elsewhere"))
        assert "Elsewhere" not in text_of(page.get(URL))

    def test_shows_staff_every_account_and_the_platform(self, sign_in, account):
        note(account=account)
        note(audit.Verb.REGION_UPDATED, target=factories.make_region("ap-tokyo"), account=None)
        text = text_of(sign_in(factories.make_staff()).get(URL))
        assert "Example (100000000001)" in text
        assert "ap-tokyo" in text

    @pytest.mark.parametrize("role", ["operator", "viewer"])
    @pytest.mark.parametrize("name", ["audit:list", "audit:export"])
    def test_is_not_for_those_who_administer_nothing(self, sign_in, account, role, name):
        user = factories.make_user(account=account, role=role)
        assert sign_in(user).get(reverse(name)).status_code == 403

    def test_is_in_the_sidebar_of_those_who_may_see_it(self, page, viewer_page):
        assert 'href="/audit/"' in page.get("/").content.decode()
        assert 'href="/audit/"' not in viewer_page.get("/").content.decode()

    def test_is_a_fragment_for_htmx(self, page, account):
        note(account=account)
        response = get_fragment(page, URL, "audit-table")
        assert b"<html" not in response.content
        assert "Rule: created" in text_of(response)

    def test_says_when_there_is_nothing(self, page):
        assert "Nothing has been done yet" in text_of(page.get(URL))
        assert "No event matches the filter" in text_of(page.get(URL, {"actor": "nobody"}))

    def test_takes_few_queries_however_long_the_log_is(self, page, account, django_assert_max_num_queries):
        for _number in range(60):
            note(account=account)
        with django_assert_max_num_queries(8):
            page.get(URL)

    def test_lets_nobody_post(self, page):
        assert page.post(URL).status_code == 405


class TestFilter:
    @pytest.fixture
    def events(self, account, owner, rule):
        note(audit.Verb.RULE_CREATED, by=owner, target=rule, account=account, now=NOW - timedelta(days=2))
        note(audit.Verb.RULE_DELETED, target=rule, account=account, now=NOW)
        note(audit.Verb.INSTANCE_CREATED, by=owner, target=rule.source, account=account, now=NOW)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"verb": "rule.deleted"}, {"rule.deleted"}),
            ({"actor": "OLIVIA"}, {"rule.created", "instance.created"}),
            ({"actor": "platform"}, {"rule.deleted"}),
            ({"object": "sour"}, {"instance.created"}),
            ({"since": "2026-03-01"}, {"rule.deleted", "instance.created"}),
            ({"until": "2026-02-27"}, {"rule.created"}),
            ({"since": "2026-02-28", "until": "2026-02-28"}, set()),
            ({"since": "2026-03-01", "verb": "rule.deleted"}, {"rule.deleted"}),
        ],
    )
    def test_narrows_page_and_csv_alike(self, page, events, query, expected):
        rows = page.get(URL, query).context["rows"]
        assert {row.event.verb for row in rows} == expected
        exported = read_csv(page.get(reverse("audit:export"), query))
        assert {row[2] for row in exported[1:]} == expected

    @pytest.mark.parametrize(
        "query",
        [
            {"verb": "no.such"},
            {"since": "yesterday"},
            {"since": "0001-01-01", "until": "9999-12-31"},
            {"actor": "\0"},
            {"before": "x", "after": "1.2.3"},
            {"before": f"{'9' * 17}.1"},
        ],
    )
    def test_narrows_nothing_by_what_is_no_value(self, page, events, query):
        assert len(page.get(URL, query).context["rows"]) == 3


class TestTurning:
    @pytest.fixture
    def events(self, account, monkeypatch) -> list[int]:
        """The IDs of 120 events, the newest first; many share their time."""
        made = [note(account=account, now=NOW + timedelta(seconds=number // 50)) for number in range(120)]
        return [event.pk for event in reversed(made)]

    def shown(self, response: Any) -> list[int]:
        return [row.event.pk for row in response.context["rows"]]

    def test_shows_every_event_once_in_order_and_finds_back(self, page, events):
        seen: list[int] = []
        response = page.get(URL)
        while True:
            seen += self.shown(response)
            older = response.context["window"].older
            if older is None:
                break
            response = page.get(URL + older)
        assert seen == events
        back = page.get(URL + response.context["window"].newer)
        assert self.shown(back) == events[50:100]
        first = page.get(URL + back.context["window"].newer)
        assert self.shown(first) == events[:50]

    def test_stays_where_it_was_while_the_log_grows(self, page, account, events):
        older = page.get(URL).context["window"].older
        note(account=account, now=NOW + timedelta(hours=1))
        assert self.shown(page.get(URL + older)) == events[50:100]

    def test_keeps_the_filter(self, page, events):
        older = page.get(URL, {"verb": "rule.created"}).context["window"].older
        assert "verb=rule.created" in older

    def test_has_no_neighbours_where_there_is_nothing(self, page, events):
        window = page.get(URL, {"verb": "rule.deleted"}).context["window"]
        assert (window.older, window.newer) == (None, None)


class TestExport:
    def test_writes_what_the_page_shows(self, page, owner, rule):
        note(by=owner, target=rule, account=owner.account, changes={"名": ["旧", "新"]})
        response = page.get(reverse("audit:export"))
        assert response.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
        header, row = read_csv(response)
        assert header[:3] == ["Time", "Actor", "Act"]
        assert row == [
            "2026-03-01 12:00:00+00:00",
            owner.login,
            "rule.created",
            "rule",
            "release",
            str(rule.pk),
            "100000000001",
            "",
            '{"名": ["旧", "新"]}',
        ]

    def test_defuses_formulas(self, page, account):
        target = factories.make_account(name="=HYPERLINK(0)")
        note(target=target, account=account)
        assert read_csv(page.get(reverse("audit:export")))[1][4].startswith("'=")

    def test_reads_in_batches_and_leaves_nothing_out(self, account):
        for number in range(25):
            note(account=account, now=NOW + timedelta(seconds=number // 10))
        events = AuditEvent.objects.all()
        read = [event.pk for event in keyset.in_batches(events, time_field="happened_at", size=7)]
        assert read == list(events.values_list("pk", flat=True))


def test_every_verb_has_words():
    assert not [verb for verb in audit.Verb if verbs.label(verb) == verb.value]


def test_a_verb_of_another_release_stays_as_it_was_written():
    assert verbs.label("rule.painted") == "rule.painted"
