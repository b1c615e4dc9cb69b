"""Creating replicas and marking them for deletion: who, where, and with which words they are refused."""

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from registries import audit, policies
from registries.models import Account, AuditEvent, Backend, Edition, Permission, Replica, ReplicaStatus
from registries.naming import PATH_PREFIX, REPLICA_ID
from registries.policies import Refused, ReplicaRefused
from registries.quotas import QuotaExceeded
from registries.services import backends, replicas
from tests.factories import (
    make_backend,
    make_grant,
    make_hosted_instance,
    make_instance,
    make_region,
    make_replica,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def primary():
    return make_instance(edition=Edition.PREMIUM, region=make_region("ap-guangzhou"))


@pytest.fixture
def shanghai():
    make_backend(region=make_region("ap-shanghai"))
    return make_region("ap-shanghai")


def create(primary, region, by=None):
    return replicas.create(primary=primary, region=region, by=by, now=NOW)


class TestCreate:
    def test_makes_a_place_in_the_region_and_notes_it(self, primary, shanghai):
        replica = create(primary, shanghai)
        assert (replica.status, replica.region) == (ReplicaStatus.DEPLOYING, shanghai)
        assert replica.backend.region == shanghai
        assert REPLICA_ID.allows(replica.replica_id)
        assert PATH_PREFIX.allows(replica.prefix)
        event = AuditEvent.objects.get()
        assert (event.verb, event.account) == (audit.Verb.REPLICA_CREATED, primary.account)
        assert event.changes == {"primary": primary.instance_id, "region": "ap-shanghai"}

    def test_gives_each_a_prefix_of_its_own_that_tells_nothing(self, primary, shanghai):
        one = create(primary, shanghai)
        other = create(make_instance(edition=Edition.PREMIUM), shanghai)
        assert one.backend == other.backend
        assert one.prefix != other.prefix
        assert primary.instance_id not in one.prefix

    @pytest.mark.parametrize("edition", [Edition.BASIC, Edition.STANDARD])
    def test_refuses_other_editions(self, shanghai, edition):
        with pytest.raises(ReplicaRefused, match="needs the premium edition") as caught:
            create(make_instance(edition=edition), shanghai)
        assert (caught.value.code, caught.value.field) == ("UnsupportedOperation", "primary")

    def test_refuses_the_region_of_the_primary(self, primary):
        make_backend(region=primary.region)
        with pytest.raises(ReplicaRefused, match="cannot be in the same region as the primary") as caught:
            create(primary, primary.region)
        assert (caught.value.code, caught.value.field) == ("FailedOperation", "region")

    def test_refuses_a_second_one_in_the_region(self, primary, shanghai):
        create(primary, shanghai)
        with pytest.raises(ReplicaRefused, match="already exists") as caught:
            create(primary, shanghai)
        assert (caught.value.code, caught.value.field) == ("InvalidParameter.ReplicationExists", "region")

    def test_refuses_a_region_in_which_one_is_being_deleted(self, primary, shanghai):
        replicas.begin_deletion(replica=create(primary, shanghai), by=None, now=NOW)
        with pytest.raises(ReplicaRefused, match="still being deleted"):
            create(primary, shanghai)

    def test_refuses_to_cross_a_border(self, primary):
        region = make_backend(region=make_region("na-siliconvalley")).region
        with pytest.raises(ReplicaRefused, match="Cross-border instance replication is not") as caught:
            create(primary, region)
        assert caught.value.code == "InvalidParameter.UnsupportedRegion"

    @pytest.mark.parametrize("is_allowed", [True, False])
    def test_lets_the_setting_decide_about_hong_kong(self, primary, settings, is_allowed):
        settings.MAINLAND_HONGKONG = is_allowed
        region = make_backend(region=make_region("ap-hongkong")).region
        if is_allowed:
            assert create(primary, region).region == region
        else:
            with pytest.raises(ReplicaRefused, match="Cross-border"):
                create(primary, region)

    def test_follows_an_edited_jurisdiction(self, primary):
        region = make_backend(region=make_region("ap-tokyo", jurisdiction="cn-mainland")).region
        assert create(primary, region).region == region

    def test_refuses_more_than_the_quota(self, primary, shanghai, settings):
        settings.QUOTAS = settings.QUOTAS | {"premium": settings.QUOTAS["premium"] | {"replicas": 1}}
        create(primary, shanghai)
        region = make_backend(region=make_region("ap-beijing")).region
        with pytest.raises(QuotaExceeded, match="replicas, 1 at most") as caught:
            create(primary, region)
        assert caught.value.field == "region"

    def test_refuses_an_account_that_is_switched_off(self, primary, shanghai):
        Account.objects.update(is_active=False)
        primary.account.refresh_from_db()
        with pytest.raises(Refused, match="switched off"):
            create(primary, shanghai)

    def test_refuses_whoever_may_not_manage_the_primary(self, primary, shanghai):
        operator = make_user(account=primary.account, role="operator")
        with pytest.raises(PermissionDenied):
            create(primary, shanghai, operator)
        make_grant(user=operator, instance=primary, permission=Permission.MANAGE)
        create(primary, shanghai, operator)

    def test_refuses_owners_of_other_accounts(self, primary, shanghai):
        with pytest.raises(PermissionDenied):
            create(primary, shanghai, make_user())
        assert not Replica.objects.exists()


class TestChoose:
    def test_takes_the_emptiest_counting_instances_and_replicas(self):
        region = make_region("ap-shanghai")
        full, half, empty = (make_backend(region=region, code=code) for code in ("a", "b", "c"))
        make_hosted_instance(backend=full)
        make_replica(backend=full)
        make_replica(backend=half)
        assert backends.choose(region) == empty
        make_hosted_instance(backend=empty)
        make_hosted_instance(backend=empty)
        assert backends.choose(region) == half

    @pytest.mark.parametrize("fields", [{"health": "unhealthy"}, {"is_active": False}, {"capacity": 0}])
    def test_passes_by_what_is_ill_out_of_service_or_full(self, fields):
        region = make_region("ap-shanghai")
        make_backend(region=region, **fields)
        with pytest.raises(ReplicaRefused, match="has no room") as caught:
            backends.choose(region)
        assert caught.value.code == "InvalidParameter.UnsupportedRegion"

    def test_fills_a_backend_to_its_last_place(self, primary):
        backend = make_backend(region=make_region("ap-shanghai"), capacity=2)
        make_hosted_instance(backend=backend)
        create(primary, backend.region)
        with pytest.raises(ReplicaRefused, match="has no room"):
            create(make_instance(edition=Edition.PREMIUM), backend.region)

    def test_takes_one_that_was_never_checked(self):
        backend = make_backend(region=make_region("ap-shanghai"))
        assert Backend.objects.get().health == "unknown"
        assert backends.choose(backend.region) == backend

    def test_lists_the_regions_with_room(self):
        open_one = make_backend()
        make_backend(capacity=0)
        assert backends.list_regions_with_room() == {open_one.region_id}


class TestBeginDeletion:
    def test_marks_the_replica_once(self, primary, shanghai):
        replica = create(primary, shanghai)
        replicas.begin_deletion(replica=replica, by=None, now=NOW)
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.DELETING
        with pytest.raises(policies.ReplicaBusy, match="being deleted already"):
            replicas.begin_deletion(replica=replica, by=None, now=NOW)
        assert AuditEvent.objects.filter(verb=audit.Verb.REPLICA_DELETED).count() == 1

    def test_refuses_operators(self, primary, shanghai):
        replica = create(primary, shanghai)
        with pytest.raises(PermissionDenied):
            replicas.begin_deletion(
                replica=replica, by=make_user(account=primary.account, role="operator"), now=NOW
            )
