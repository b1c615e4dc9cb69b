"""Accounts, users, the audit log, regions and replicas over the API."""

from urllib.parse import urlsplit

import pytest

from registries.models import AuditEvent, Region, Replica, TokenScope, User
from syncjobs.models import Execution
from tests import factories
from tests.unit.console.api.conftest import errors_of

pytestmark = pytest.mark.django_db


class TestAccounts:
    def test_are_the_own_one(self, program, account, stranger):
        assert [row["uin"] for row in program.get("accounts/").json()["results"]] == [account.uin]
        assert program.get(f"accounts/{account.uin}/").json()["name"] == account.name
        assert stranger.get(f"accounts/{account.uin}/").status_code == 404


class TestUsers:
    @pytest.fixture
    def member(self, account):
        return factories.make_user(account=account, role="viewer", username="maria", email="m@example.org")

    def test_are_listed_to_administrators_without_what_is_theirs_alone(self, program, viewer, member):
        rows = program.get("users/?search=maria").json()["results"]
        assert [row["username"] for row in rows] == ["maria"]
        assert "password" not in rows[0]
        assert viewer.get("users/").status_code == 403

    def test_are_changed(self, program, member):
        assert program.patch(f"users/{member.pk}/", {"role": "operator"}).json()["role"] == "operator"
        assert User.objects.get(pk=member.pk).email == "m@example.org"
        assert errors_of(program.patch(f"users/{member.pk}/", {"role": "king"})).keys() == {"role"}

    def test_are_switched_but_never_oneself(self, program, owner, member):
        assert program.post(f"users/{member.pk}/disable/").json()["is_active"] is False
        assert program.post(f"users/{member.pk}/enable/").json()["is_active"] is True
        assert program.post(f"users/{owner.pk}/disable/").status_code == 409

    def test_of_other_accounts_do_not_exist(self, stranger, member):
        assert stranger.get(f"users/{member.pk}/").status_code == 404
        assert stranger.patch(f"users/{member.pk}/", {"role": "owner"}).status_code == 404


class TestInvitations:
    GUEST = {"username": "greta", "role": "operator", "email": "g@example.org"}

    def test_make_a_user_of_who_opens_the_link(self, program, account, client):
        response = program.post("invitations/", self.GUEST)
        assert (response.status_code, response.headers["Cache-Control"]) == (201, "no-store")
        link = response.json()["link"]
        [row] = program.get("invitations/").json()["results"]
        assert (row["username"], row["role"], "link" in row) == ("greta", "operator", False)
        password = {"password": "correct-horse-7", "repeated": "correct-horse-7"}
        assert client.post(urlsplit(link).path, password).status_code == 302
        assert User.objects.get(username="greta").account == account
        assert program.get("invitations/").json()["results"] == []

    def test_are_withdrawn(self, program, client):
        invitation = program.post("invitations/", self.GUEST).json()
        assert program.delete(f"invitations/{invitation['id']}/").status_code == 204
        assert client.get(urlsplit(invitation["link"]).path).status_code in {404, 410}
        assert AuditEvent.objects.filter(verb="invitation.deleted").exists()

    def test_name_the_field_at_fault(self, program):
        program.post("invitations/", self.GUEST)
        again = program.post("invitations/", self.GUEST)
        assert (again.status_code, set(errors_of(again))) == (409, {"username"})
        wrong = program.post("invitations/", {"username": "a b", "role": "king"})
        assert (wrong.status_code, set(errors_of(wrong))) == (422, {"username", "role"})

    def test_give_no_role_above_ones_own(self, account, program_of):
        admin = program_of(factories.make_user(account=account, role="admin"))
        assert errors_of(admin.post("invitations/", self.GUEST | {"role": "owner"})).keys() == {"role"}
        assert admin.post("invitations/", self.GUEST).status_code == 201

    def test_are_for_administrators_with_a_token_of_that_scope(
        self, owner, viewer, stranger, program_of, program
    ):
        made = program.post("invitations/", self.GUEST).json()
        assert viewer.post("invitations/", self.GUEST).status_code == 403
        assert viewer.get("invitations/").status_code == 403
        assert program_of(owner, TokenScope.OPERATE).post("invitations/", self.GUEST).status_code == 403
        assert stranger.delete(f"invitations/{made['id']}/").status_code == 404
        assert stranger.get("invitations/").json()["results"] == []


class TestAudit:
    def test_turns_pages_by_cursor(self, program, account):
        AuditEvent.objects.bulk_create(
            AuditEvent(
                happened_at="2026-03-01T12:00:00Z",
                account=account,
                actor_name="x",
                verb="rule.created",
                target_name=name,
            )
            for name in ("one", "two", "three")
        )
        path, names = "audit/?verb=rule.created&page_size=1", []
        while path:
            body = program.get(path).json()
            names += [row["target_name"] for row in body["results"]]
            path = (body["next"] or "").removeprefix("http://testserver")
        assert names == ["three", "two", "one"]

    def test_shows_nothing_of_another_account(self, stranger, program, rule):
        program.post(f"rules/{rule.pk}/disable/")
        verbs = {row["verb"] for row in stranger.get("audit/").json()["results"]}
        assert "rule.disabled" not in verbs


def test_regions_are_listed(program):
    body = program.get("regions/?page_size=1").json()
    assert body["count"] == Region.objects.count()
    assert body["results"][0].keys() == {"code", "numeric_id", "name_en", "name_zh", "jurisdiction"}


class TestReplicas:
    @pytest.fixture
    def replica(self, source):
        return factories.make_replica(primary=source)

    def test_are_created_where_there_is_room(self, program, source):
        backend = factories.make_backend(region=factories.make_region("ap-beijing"))
        response = program.post(f"instances/{source.instance_id}/replicas/", {"region": "ap-beijing"})
        assert response.status_code == 201, response.content
        assert response.json()["status"] == "Deploying"
        assert Replica.objects.get().backend == backend
        again = program.post(f"instances/{source.instance_id}/replicas/", {"region": "ap-beijing"})
        assert errors_of(again).keys() == {"region"}

    def test_are_compared_and_repaired(self, program, replica):
        response = program.post(f"replicas/{replica.replica_id}/check-drift/")
        assert response.status_code == 202
        assert Execution.objects.get().pk == response.json()["id"]
        assert program.post(f"replicas/{replica.replica_id}/repair/").status_code == 202

    def test_are_listed_shown_and_deleted(self, program, replica):
        (row,) = program.get(f"replicas/?primary={replica.primary.instance_id}").json()["results"]
        assert row == program.get(f"replicas/{replica.replica_id}/").json()
        assert "backend" not in row
        assert (row["state"], row["address"], row["artifacts_behind"]) == ("in_step", replica.address, 0)
        assert row["last_success_at"] is None
        gone = program.delete(f"replicas/{replica.replica_id}/")
        assert (gone.status_code, gone.json()["status"]) == (202, "Deleting")

    def test_of_other_accounts_do_not_exist(self, stranger, replica):
        assert stranger.get("replicas/").json()["results"] == []
        for method, act in [("GET", ""), ("DELETE", ""), ("POST", "repair/"), ("POST", "check-drift/")]:
            assert stranger.ask(method, f"replicas/{replica.replica_id}/{act}").status_code == 404
