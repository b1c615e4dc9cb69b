"""Who may call, with what, and how often."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from registries import throttling
from registries.models import ApiToken, TokenScope, User
from tests import factories
from tests.unit.console.api.conftest import errors_of

pytestmark = pytest.mark.django_db

ME = "/api/v1/me/"


class TestToken:
    def test_opens_the_api_as_its_user(self, program, owner, account):
        body = program.get(ME).json()
        assert (body["login"], body["account"], body["scope"]) == (owner.login, account.uin, "admin")

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer rgt_x_y", "Basic abc", "Bearer \x00"])
    def test_is_asked_for(self, header):
        response = Client().get(ME, headers={"Authorization": header} if header else {})
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["title"] == "Unauthorized"

    def test_is_worth_nothing_once_it_ended_or_its_user_was_switched_off(self, program, owner):
        ApiToken.objects.update(expires_at=timezone.now())
        assert program.get(ME).status_code == 401
        ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
        User.objects.filter(pk=owner.pk).update(is_active=False)
        assert program.get(ME).status_code == 401

    def test_never_gives_more_than_its_user_may(self, viewer, rule):
        assert viewer.token.scope == "admin"
        assert viewer.post(f"rules/{rule.pk}/trigger/").status_code == 403
        assert viewer.delete(f"instances/{rule.source.instance_id}/").status_code == 403
        assert viewer.get("audit/").status_code == 403

    def test_opens_no_page(self, program):
        assert program.ask("GET", "/").status_code == 302


class TestScope:
    @pytest.mark.parametrize(
        ("asked", "needed"),
        [
            ("GET rules/{rule}/", TokenScope.READ),
            ("POST rules/{rule}/disable/", TokenScope.OPERATE),
            ("DELETE rules/{rule}/", TokenScope.OPERATE),
            ("GET instances/{instance}/hook/", TokenScope.ADMIN),
            ("POST instances/{instance}/credentials/", TokenScope.ADMIN),
            ("PATCH instances/{instance}/", TokenScope.ADMIN),
        ],
    )
    def test_keeps_a_token_from_what_it_is_not_for(self, program_of, owner, rule, asked, needed):
        method, path = asked.format(rule=rule.pk, instance=rule.source.instance_id).split()
        for scope in TokenScope:
            status = program_of(owner, scope).ask(method, path, {}).status_code
            is_enough = ApiToken(scope=scope).covers(needed)
            assert (status != 403) == is_enough, (scope, status)

    def test_is_named_in_the_refusal(self, program_of, owner, rule):
        response = program_of(owner, TokenScope.READ).post(f"rules/{rule.pk}/trigger/")
        assert response.json()["detail"] == "This needs a token of the scope “operate”."


class TestSession:
    def test_may_read(self, page):
        body = page.get(ME).json()
        assert body["scope"] is None

    def test_may_change_something_with_the_csrf_token_only(self, owner, rule):
        client = Client(enforce_csrf_checks=True)
        client.force_login(owner)
        path = f"/api/v1/rules/{rule.pk}/disable/"
        assert client.post(path).status_code == 403
        rule.refresh_from_db()
        assert rule.is_enabled
        client.get("/account/tokens/new/")
        token = client.cookies["regatta_csrf"].value
        response = client.post(path, content_type="application/json", headers={"X-CSRFToken": token})
        assert response.status_code == 200


class TestThrottling:
    @pytest.fixture(autouse=True)
    def one_a_minute(self, settings, monkeypatch):
        settings.API_PER_MINUTE = 1
        monkeypatch.setattr(throttling, "check", throttling.Throttle().check)

    def test_says_when_to_come_back(self, program, viewer):
        assert program.get(ME).status_code == 200
        late = program.get(ME)
        assert late.status_code == 429
        assert 1 <= int(late.headers["Retry-After"]) <= 60
        assert viewer.get(ME).status_code == 200

    def test_slows_down_who_tries_tokens(self, db):
        wrong = {"Authorization": "Bearer rgt_x_y"}
        statuses = [Client().get(ME, headers=wrong).status_code for _ in range(2)]
        assert statuses == [401, 429]


class TestBody:
    def test_must_be_json(self, program, rule):
        client = Client()
        headers = {"Authorization": f"Bearer {program.text}"}
        path = f"/api/v1/rules/{rule.pk}/"
        for body, kind, status in [
            ("{", "application/json", 400),
            ('{"name": NaN}', "application/json", 400),
            ("name=x", "application/x-www-form-urlencoded", 415),
            ("[]", "application/json", 422),
            (json.dumps({"description": "\ud800"}), "application/json", 422),
            (json.dumps({"description": "a\0b"}), "application/json", 422),
        ]:
            response = client.generic("PATCH", path, body, content_type=kind, headers=headers)
            assert response.status_code == status, (body, response.content)

    def test_is_refused_with_the_reason_in_the_language_of_the_request(self, program, rule):
        response = program.patch(f"rules/{rule.pk}/", {"name": ""}, Accept_Language="en")
        assert errors_of(response) == {"name": "This field is required."}


def test_an_address_that_is_none_gets_a_problem(program, page):
    assert program.get("nothing/").json()["title"] == "Not Found"
    assert program.ask("PUT", ME).status_code == 405
    assert page.get("/nothing/").headers["Content-Type"].startswith("text/html")


def test_times_are_in_utc_whatever_the_user_prefers(program, owner, rule):
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Shanghai")
    assert program.get(f"rules/{rule.pk}/").json()["created_at"].endswith("Z")


def test_staff_see_the_platform(program_of, program):
    assert program.get("status/").json()["platform"] is None
    body = program_of(factories.make_staff()).get("status/").json()
    assert body["platform"]["workers"] == []
