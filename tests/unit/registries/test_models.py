"""The invariants of what exists: each database constraint by a deliberate violation."""

from contextlib import AbstractContextManager, contextmanager

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import translation

from registries.models import (
    AccessCredential,
    Account,
    Credential,
    Grant,
    Instance,
    Permission,
    Region,
    Role,
    User,
)
from registries.vault import VaultError
from tests.factories import (
    make_access_credential,
    make_account,
    make_backend,
    make_credential,
    make_grant,
    make_hosted_instance,
    make_instance,
    make_namespace,
    make_region,
    make_replica,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db


def refused(*, name: str = "") -> AbstractContextManager[None]:
    """The database refuses what is done inside; the message names the constraint where the database does."""

    @contextmanager
    def manager():
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            yield
        assert name in str(caught.value)

    return manager()


class TestAccount:
    def test_has_an_id_of_its_own(self):
        account = make_account()
        with refused():
            make_account(uin=account.uin)

    def test_cannot_vanish_under_its_instances(self):
        instance = make_instance()
        with pytest.raises(ProtectedError):
            instance.account.delete()

    def test_shows_name_and_id(self):
        assert str(Account(name="Example", uin="100000000001")) == "Example (100000000001)"


class TestUser:
    def test_may_have_the_name_of_another_tenant_s_user(self):
        first, second = make_user(username="ann"), make_user(username="ann")
        assert first.account is not None
        assert first.login == f"ann@{first.account.uin}" != second.login

    def test_has_a_name_of_its_own_in_the_account(self):
        user = make_user(username="ann")
        with refused():
            make_user(username="ann", account=user.account)

    def test_belongs_to_an_account_unless_it_is_staff(self):
        staff = make_staff()
        with refused(name="user_has_account_or_is_staff"):
            User.objects.filter(pk=staff.pk).update(is_staff=False)
        with refused(name="user_has_account_or_is_staff"):
            User.objects.create_user(username="nobody", account=None)

    def test_has_a_known_role(self):
        with refused(name="user_role_is_known"):
            make_user(role="emperor")

    def test_is_a_viewer_unless_something_else_is_said(self):
        assert User.objects.create_user(username="new", account=make_account()).role == Role.VIEWER

    def test_stores_no_password_in_clear(self):
        user = make_user(password="plain-words-here")
        assert "plain-words-here" not in user.password
        assert user.check_password("plain-words-here")

    def test_goes_with_its_account(self):
        user = make_user()
        assert user.account is not None
        user.account.delete()
        assert not User.objects.filter(pk=user.pk).exists()


class TestRegion:
    def test_has_a_code_and_a_number_of_its_own(self):
        region = make_region()
        for taken in ({"code": region.code, "numeric_id": 1_000_001}, {"numeric_id": region.numeric_id}):
            with refused():
                Region.objects.create(
                    **{"code": "new", "name_en": "N", "name_zh": "N", "jurisdiction": "x"} | taken
                )

    def test_cannot_vanish_under_an_instance(self):
        with pytest.raises(ProtectedError):
            make_instance().region.delete()

    def test_is_named_in_the_language_of_the_request(self):
        region = make_region()
        with translation.override("zh-hans"):
            assert region.name == region.name_zh
        with translation.override("en"):
            assert region.name == region.name_en
        with translation.override(None):
            assert region.name == region.name_en

    def test_is_loaded_for_every_region_of_the_vendor(self):
        guangzhou = Region.objects.get(code="ap-guangzhou")
        assert (guangzhou.numeric_id, guangzhou.jurisdiction) == (1, "cn-mainland")
        assert Region.objects.filter(numeric_id__lte=74).count() == 25


class TestBackend:
    def test_has_a_code_of_its_own(self):
        backend = make_backend()
        with refused():
            make_backend(code=backend.code)

    def test_cannot_vanish_under_a_hosted_instance_or_a_replica(self):
        hosting, replicating = make_backend(), make_backend()
        make_hosted_instance(backend=hosting)
        make_replica(backend=replicating)
        for backend in (hosting, replicating):
            with pytest.raises(ProtectedError):
                backend.delete()


class TestInstance:
    def test_has_an_id_of_its_own(self):
        instance = make_instance()
        with refused():
            make_instance(instance_id=instance.instance_id)

    def test_has_a_name_of_its_own_in_the_account_only(self):
        instance = make_instance(name="main")
        make_instance(name="main")
        with refused():
            make_instance(name="main", account=instance.account)

    def test_shares_no_prefix_of_a_backend_with_another(self):
        instance = make_hosted_instance(prefix="a")
        make_hosted_instance(prefix="a")
        with refused():
            make_hosted_instance(prefix="a", backend=instance.backend)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"endpoint_url": ""},
            {"kind": "hosted"},
            {"kind": "unheard-of"},
        ],
    )
    def test_has_an_address_if_connected(self, wrong):
        with refused(name="instance_is_connected_or_hosted"):
            make_instance(**wrong)

    def test_is_not_connected_and_in_a_backend_at_once(self):
        with refused(name="instance_is_connected_or_hosted"):
            make_instance(backend=make_backend())

    @pytest.mark.parametrize(
        "wrong", [{"prefix": ""}, {"endpoint_url": "https://elsewhere.example"}, {"kind": "connected"}]
    )
    def test_has_backend_and_prefix_and_no_address_if_hosted(self, wrong):
        with refused(name="instance_is_connected_or_hosted"):
            make_hosted_instance(**wrong)

    def test_is_not_hosted_without_a_backend(self):
        instance = make_hosted_instance()
        with refused(name="instance_is_connected_or_hosted"):
            Instance.objects.filter(pk=instance.pk).update(backend=None)

    def test_has_a_known_edition(self):
        with refused(name="instance_edition_is_known"):
            make_instance(edition="deluxe")

    def test_is_visible_to_its_account_and_to_staff_only(self):
        mine, _other = make_instance(), make_instance()
        for role in Role.values:
            user = make_user(account=mine.account, role=role)
            assert list(Instance.objects.visible_to(user)) == [mine]
        assert Instance.objects.visible_to(make_staff()).count() == 2
        assert not Instance.objects.visible_to(make_user()).exists()

    def test_is_not_visible_to_a_tenant_s_user_with_the_staff_flag(self):
        make_instance()
        assert not Instance.objects.visible_to(make_user(is_staff=True)).exists()

    def test_speaks_to_its_own_address_with_its_own_credential(self):
        instance = make_instance(
            endpoint_url="https://r.example", username="robot", password="pw", verify_tls=False, ca_pem="PEM"
        )
        endpoint = Instance.objects.get(pk=instance.pk).endpoint()
        assert (endpoint.url, endpoint.prefix) == ("https://r.example", "")
        assert (endpoint.username, endpoint.password) == ("robot", "pw")
        assert (endpoint.verify_tls, endpoint.ca_pem) == (False, "PEM")
        assert "pw" not in repr(endpoint)

    def test_speaks_to_its_backend_with_the_backend_s_credential(self):
        backend = make_backend(username="operator", password="pw2")
        endpoint = make_hosted_instance(backend=backend, prefix="t1").endpoint()
        assert (endpoint.url, endpoint.prefix) == (backend.endpoint_url, "t1")
        assert (endpoint.username, endpoint.password) == ("operator", "pw2")

    def test_signs_in_nowhere_without_a_credential(self):
        endpoint = make_instance().endpoint()
        assert (endpoint.username, endpoint.password, endpoint.ca_pem) == (None, None, None)

    def test_shows_the_address_to_push_to(self):
        assert make_instance(endpoint_url="https://r.example:5000").address == "r.example:5000"
        backend = make_backend(endpoint_url="http://b.example")
        assert make_hosted_instance(backend=backend, prefix="t1").address == "b.example/t1"


class TestNamespace:
    def test_is_named_once_in_an_instance(self):
        namespace = make_namespace(name="team")
        make_namespace(name="team")
        with refused():
            make_namespace(name="team", instance=namespace.instance)


class TestReplica:
    def test_has_an_id_of_its_own(self):
        replica = make_replica()
        with refused():
            make_replica(replica_id=replica.replica_id)

    def test_is_the_only_one_of_its_primary_in_a_region(self):
        replica = make_replica()
        with refused():
            make_replica(primary=replica.primary, region=replica.region)

    def test_shares_no_prefix_of_a_backend_with_another(self):
        replica = make_replica(prefix="r")
        with refused():
            make_replica(prefix="r", backend=replica.backend)

    def test_keeps_its_primary(self):
        with pytest.raises(ProtectedError):
            make_replica().primary.delete()


class TestGrant:
    def test_is_one_per_user_and_instance(self):
        grant = make_grant(user=make_user(), instance=make_instance())
        with refused():
            make_grant(user=grant.user, instance=grant.instance, permission=Permission.VIEW)

    def test_is_of_a_known_permission(self):
        with refused(name="grant_permission_is_known"):
            make_grant(user=make_user(), instance=make_instance(), permission="everything")

    def test_goes_with_user_and_instance(self):
        first = make_grant(user=make_user(), instance=make_instance())
        second = make_grant(user=make_user(), instance=make_instance())
        first.user.delete()
        second.instance.delete()
        assert not Grant.objects.exists()


class TestCredential:
    def test_belongs_to_an_instance_or_a_backend(self):
        with refused(name="credential_has_one_holder"):
            Credential.objects.create(username="robot", sealed_password="")
        with refused(name="credential_has_one_holder"):
            Credential.objects.create(
                username="robot", sealed_password="", instance=make_instance(), backend=make_backend()
            )

    def test_is_the_only_one_of_its_holder(self):
        for holder in ({"instance": make_instance()}, {"backend": make_backend()}):
            make_credential(**holder)
            with refused():
                make_credential(**holder)

    def test_does_not_open_for_another_holder(self):
        mine, theirs = make_credential(instance=make_instance()), make_credential(instance=make_instance())
        of_backend, other = make_credential(backend=make_backend()), make_credential(backend=make_backend())
        for thief, victim in ((mine, theirs), (mine, of_backend), (of_backend, other)):
            thief.sealed_password = victim.sealed_password
            with pytest.raises(VaultError):
                thief.open_password()

    def test_does_not_show_its_password(self):
        credential = make_credential(instance=make_instance(), password="hush-hush")
        assert (
            "hush-hush" not in f"{credential} {credential!r} {credential.sealed_password} {vars(credential)}"
        )
        assert credential.open_password() == "hush-hush"


class TestAccessCredential:
    @pytest.mark.parametrize(
        ("kind", "username"), [("service", "100000000001"), ("user", "tcr$robot"), ("master", "100000000001")]
    )
    def test_has_a_username_that_fits_its_kind(self, kind, username):
        with refused(name="access_credential_username_fits_kind"):
            make_access_credential(kind=kind, username=username)

    def test_names_a_service_account_once_in_an_instance(self):
        credential = make_access_credential(username="tcr$ci")
        make_access_credential(username="tcr$ci")
        with refused():
            make_access_credential(username="tcr$ci", instance=credential.instance)

    def test_may_be_issued_often_for_the_same_user(self):
        credential = make_access_credential()
        make_access_credential(instance=credential.instance)
        assert AccessCredential.objects.count() == 2

    def test_has_a_token_id_of_its_own(self):
        credential = make_access_credential()
        with refused():
            make_access_credential(token_id=credential.token_id)

    def test_goes_with_the_user_who_issued_it(self):
        User.objects.get(accesscredential=make_access_credential()).delete()
        assert not AccessCredential.objects.exists()

    def test_stores_no_secret_in_clear(self):
        credential = make_access_credential(secret="hush-hush")
        assert "hush-hush" not in f"{credential} {credential!r} {vars(credential)}"
