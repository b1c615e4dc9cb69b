"""The form of rules: errors at the field that caused them, and what saving does."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from registries.models import AccessCredential, AuditEvent, Edition, Permission, Role
from syncjobs.forms import RuleForm, values_of
from syncjobs.models import ArtifactType, FilterSyntax, Rule
from tests.factories import (
    PASSWORD,
    make_access_credential,
    make_account,
    make_cross_tenant_rule,
    make_grant,
    make_hosted_instance,
    make_instance,
    make_rule,
    make_user,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def source():
    return make_instance(account=make_account())


@pytest.fixture
def target(source):
    return make_instance(account=source.account)


@pytest.fixture
def foreign():
    """Return an instance of another account, which has issued a credential for the namespace `project`."""
    instance = make_instance(account=make_account())
    make_access_credential(instance=instance, namespaces=["project"])
    return instance


def rule_form(source, *, by=None, instance=None, **changes) -> RuleForm:
    data = {"name": "nightly", "namespace": "project", "is_enabled": True}
    return RuleForm(data | changes, source=source, by=by, instance=instance)


def cross_tenant_form(source, foreign, **changes) -> RuleForm:
    data = {
        "is_cross_tenant": True,
        "target_instance_id": foreign.instance_id,
        "target_username": foreign.account.uin,
        "target_password": PASSWORD,
    }
    return rule_form(source, **data | changes)


class TestFields:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""),
            ("name", "Nightly"),
            ("name", "-nightly"),
            ("name", "night ly"),
            ("name", "夜间"),
            ("name", "a" * 256),
            ("description", "x" * 1001),
            ("description", "half\ud800"),
            ("target", "half\ud800"),
            ("namespace", ""),
            ("namespace", "Project"),
            ("namespace", "project/sub"),
            ("namespace", "project/**"),
            ("repository", "app[1"),
            ("repository", "{a,b"),
            ("tag", "v}"),
            ("tag", "tab\there"),
            ("syntax", "glob"),
            ("artifact_type", "binary"),
            ("target", "tcr-zzzzzzzz"),
            ("target", ""),
            ("target_namespace", "Mirror"),
            ("target_namespace", "mirror/sub"),
            ("bandwidth", "fast"),
            ("bandwidth", "0"),
            ("bandwidth", "100 B/s"),
            ("bandwidth", "-1"),
            ("bandwidth_windows", "at night 5MB/s"),
            ("bandwidth_windows", "08:00-25:00 5MB/s"),
            ("poll_interval_seconds", "5 s"),
            ("poll_interval_seconds", "often"),
            ("sweep_interval_seconds", "31 d"),
            ("schedule", "every night"),
            ("schedule", "* * * *"),
            ("schedule", "0 25 * * *"),
            ("schedule", "0 0 30 2 *"),
            ("time_zone", "Mars/Olympus"),
            ("retry_window_seconds", "soon"),
            ("retry_window_seconds", "31 d"),
        ],
    )
    def test_refuses_a_bad_value_at_its_field(self, source, target, field, value):
        form = rule_form(source, **{"target": target.instance_id} | {field: value})
        assert list(form.errors) == [field]
        assert not Rule.objects.exists()

    def test_reports_errors_of_all_fields_at_once(self, source):
        form = rule_form(source, name="X", namespace="Y", tag="[", schedule="z", target="tcr-zzzzzzzz")
        assert set(form.errors) == {"name", "namespace", "tag", "schedule", "target"}

    def test_says_where_in_a_filter_the_fault_is(self, source, target):
        form = rule_form(source, target=target.instance_id, repository="app/[1")
        error = form.errors.as_data()["repository"][0]
        assert error.params == {"position": 4}
        assert "(character 5)" in form.errors["repository"][0]

    @pytest.mark.parametrize(
        ("repository", "tag", "syntax"),
        [
            ("", "", FilterSyntax.PATTERN),
            ("{app,web}*", "v?", FilterSyntax.PATTERN),
            ("app", r"^v\d+$", FilterSyntax.REGEX),
            ("(app|web)", "", FilterSyntax.REGEX),
            (".*", "", FilterSyntax.REGEX),
        ],
    )
    def test_guesses_a_syntax_that_was_not_given(self, source, target, repository, tag, syntax):
        form = rule_form(source, target=target.instance_id, repository=repository, tag=tag)
        assert form.is_valid(), form.errors
        assert form.cleaned_data["syntax"] == syntax

    def test_reads_filters_in_the_syntax_that_was_given(self, source, target):
        good = rule_form(source, target=target.instance_id, tag="(a|b", syntax="pattern")
        bad = rule_form(source, target=target.instance_id, tag="(a|b", syntax="regex")
        assert good.is_valid(), good.errors
        assert list(bad.errors) == ["tag"]

    def test_refuses_a_name_that_the_source_has(self, source, target):
        make_rule(source=source, name="nightly")
        assert list(rule_form(source, target=target.instance_id).errors) == ["name"]

    def test_accepts_a_name_that_another_instance_has(self, source, target):
        make_rule(name="nightly")
        assert rule_form(source, target=target.instance_id).is_valid()

    def test_refuses_a_basic_source(self, source, target):
        source.edition = Edition.BASIC
        form = rule_form(source, target=target.instance_id)
        assert list(form.errors) == ["__all__"]

    def test_fills_in_what_was_left_out(self, source, target):
        form = rule_form(source, target=target.instance_id)
        assert form.is_valid(), form.errors
        rule = form.save(NOW)
        assert rule.artifact_type == ArtifactType.BOTH
        assert rule.time_zone == "UTC"
        assert rule.retry_window_seconds == 86_400
        assert rule.bandwidth is None

    @pytest.mark.parametrize(
        ("typed", "bytes_per_second"),
        [("10 MB/s", 10_000_000), ("512 KiB/s", 524_288), ("65536", 65_536), ("unlimited", None), ("", None)],
    )
    def test_reads_rates(self, source, target, typed, bytes_per_second):
        form = rule_form(source, target=target.instance_id, bandwidth=typed)
        assert form.is_valid(), form.errors
        assert form.cleaned_data["bandwidth"] == bytes_per_second

    def test_leaves_alone_what_an_older_caller_does_not_know(self):
        rule = make_rule(
            poll_interval_seconds=60, sweep_interval_seconds=0, bandwidth_windows="0:00-6:00 1MB/s"
        )
        data = {
            name: value
            for name, value in values_of(rule).items()
            if name not in {"poll_interval_seconds", "sweep_interval_seconds", "bandwidth_windows"}
        }
        form = RuleForm(data, source=rule.source, by=None, instance=rule)
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {}


class TestOwnTarget:
    def test_does_not_know_an_instance_of_another_account(self, source, foreign):
        form = rule_form(source, target=foreign.instance_id)
        unknown = rule_form(source, target="tcr-zzzzzzzz")
        assert form.errors == unknown.errors == {"target": ["There is no such instance."]}

    @pytest.mark.parametrize("target_namespace", ["", "project"])
    def test_refuses_to_copy_onto_itself(self, source, target_namespace):
        form = rule_form(source, target=source.instance_id, target_namespace=target_namespace)
        assert list(form.errors) == ["target_namespace"]

    def test_copies_into_another_namespace_of_the_same_instance(self, source):
        form = rule_form(source, target=source.instance_id, target_namespace="mirror")
        assert form.is_valid(), form.errors
        assert form.save(NOW).target == source

    def test_accepts_a_hosted_target(self, source):
        hosted = make_hosted_instance(account=source.account)
        assert rule_form(source, target=hosted.instance_id).is_valid()

    def test_refuses_a_target_that_the_user_may_not_push_to(self, source, target):
        viewer = make_user(account=source.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=source, permission=Permission.SYNCHRONIZE)
        form = rule_form(source, by=viewer, target=target.instance_id)
        assert list(form.errors) == ["target"]

    def test_ignores_what_only_a_foreign_target_needs(self, source, target):
        form = rule_form(source, target=target.instance_id, target_username="tcr$robot", target_password="x")
        assert form.is_valid(), form.errors
        rule = form.save(NOW)
        assert rule.target_username == ""
        assert rule.sealed_target_password == ""

    def test_leaves_the_decision_who_may_to_the_service(self, source, target):
        viewer = make_user(account=source.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=target, permission=Permission.PUSH)
        form = rule_form(source, by=viewer, target=target.instance_id)
        assert form.is_valid(), form.errors
        with pytest.raises(PermissionDenied):
            form.save(NOW)


class TestForeignTarget:
    def test_creates_a_rule_with_a_sealed_password(self, source, foreign):
        form = cross_tenant_form(source, foreign)
        assert form.is_valid(), form.errors
        rule = form.save(NOW)
        rule.refresh_from_db()
        assert rule.target == foreign
        assert rule.open_target_password() == PASSWORD
        assert PASSWORD not in rule.sealed_target_password
        assert PASSWORD not in str([event.changes for event in AuditEvent.objects.all()])

    @pytest.mark.parametrize(
        "changes",
        [
            {"target_instance_id": "tcr-zzzzzzzz"},
            {"target_password": "wrong"},
            {"target_username": "999999999"},
            {"target_namespace": "elsewhere"},
            {"namespace": "elsewhere"},
        ],
    )
    def test_says_the_same_whatever_is_wrong(self, source, foreign, changes):
        form = cross_tenant_form(source, foreign, **changes)
        message = "The target instance, username or password is wrong, or may not push to this namespace."
        assert form.errors == {"target_password": [message]}

    @pytest.mark.parametrize(
        "changes",
        [
            {"is_enabled": False},
            {"can_push": False},
            {"expires_at": NOW - timedelta(days=1)},
            {"username": "tcr$robot", "kind": "service"},
        ],
    )
    def test_refuses_a_credential_that_is_no_longer_good(self, source, foreign, changes):
        AccessCredential.objects.filter(instance=foreign).update(**changes)
        assert list(cross_tenant_form(source, foreign).errors) == ["target_password"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("target_instance_id", ""),
            ("target_instance_id", "production"),
            ("target_username", ""),
            ("target_username", "alice"),
            ("target_password", ""),
        ],
    )
    def test_refuses_a_bad_value_at_its_field(self, source, foreign, field, value):
        assert list(cross_tenant_form(source, foreign, **{field: value}).errors) == [field]

    @pytest.mark.parametrize("username", ["tcr$robot", "TCR$robot", " tcr$robot "])
    def test_has_a_message_of_its_own_for_service_level_accounts(self, source, foreign, username):
        form = cross_tenant_form(source, foreign, target_username=username)
        assert list(form.errors) == ["target_username"]
        assert "service-level" in form.errors["target_username"][0]

    def test_refuses_an_instance_of_the_same_account(self, source, target):
        form = cross_tenant_form(source, target)
        assert list(form.errors) == ["target_instance_id"]

    def test_does_not_spend_the_credential_while_a_name_is_wrong(self, source, foreign):
        form = cross_tenant_form(source, foreign, namespace="Wrong")
        assert list(form.errors) == ["namespace"]
        assert AccessCredential.objects.get().last_used_at is None

    def test_says_what_changed_between_checking_and_saving(self, source, foreign):
        form = cross_tenant_form(source, foreign)
        assert form.is_valid()
        AccessCredential.objects.update(is_enabled=False)
        with pytest.raises(ValidationError):
            form.save(NOW)
        assert list(form.errors) == ["target_password"]
        assert not Rule.objects.exists()


class TestReconfigure:
    def test_leaves_a_rule_alone_with_its_own_values(self):
        rule = make_rule(
            repository="app/**",
            tag="v*",
            bandwidth=1_500_000,
            schedule="0 3 * * *",
            retry_window_seconds=3600,
        )
        form = RuleForm(values_of(rule), source=rule.source, by=None, instance=rule)
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {}
        assert not AuditEvent.objects.exists()

    def test_reads_back_what_an_unbound_form_shows(self):
        rule = make_rule(bandwidth=10_000_000, retry_window_seconds=7200, schedule="5 4 * * 1")
        shown = RuleForm(source=rule.source, by=None, instance=rule)
        typed = {field.name: field.value() for field in shown}
        assert (typed["bandwidth"], typed["retry_window_seconds"]) == ("10 MB/s", "2 h")
        form = RuleForm(typed, source=rule.source, by=None, instance=rule)
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {}

    def test_keeps_the_stored_password_of_a_foreign_target(self):
        rule = make_cross_tenant_rule()
        form = RuleForm(values_of(rule) | {"tag": "v*"}, source=rule.source, by=None, instance=rule)
        assert form.is_valid(), form.errors
        form.save(NOW)
        assert form.changes == {"tag": ["", "v*"]}
        assert Rule.objects.get().open_target_password() == PASSWORD

    def test_asks_for_the_password_of_another_foreign_target(self, foreign):
        rule = make_cross_tenant_rule()
        data = values_of(rule) | {"target_instance_id": foreign.instance_id}
        form = RuleForm(data, source=rule.source, by=None, instance=rule)
        assert form.errors == {"target_password": ["Enter the password."]}

    def test_forgets_the_password_when_the_target_becomes_one_of_its_own(self):
        rule = make_cross_tenant_rule()
        target = make_instance(account=rule.source.account)
        data = values_of(rule) | {"is_cross_tenant": False, "target": target.instance_id}
        form = RuleForm(data, source=rule.source, by=None, instance=rule)
        assert form.is_valid(), form.errors
        form.save(NOW)
        rule.refresh_from_db()
        assert (rule.target, rule.target_username, rule.sealed_target_password) == (target, "", "")

    def test_may_keep_its_name(self):
        rule = make_rule(name="nightly")
        form = RuleForm(values_of(rule) | {"override": True}, source=rule.source, by=None, instance=rule)
        assert form.is_valid(), form.errors

    def test_never_shows_a_password(self):
        rule = make_cross_tenant_rule()
        form = RuleForm(source=rule.source, by=None, instance=rule)
        assert PASSWORD not in form.as_p()
