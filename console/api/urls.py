"""The addresses of the REST API."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from console.api import (
    accounts,
    audit,
    credentials,
    executions,
    instances,
    invitations,
    namespaces,
    reference,
    regions,
    replicas,
    repositories,
    rules,
    status,
    users,
)

app_name = "api"
_instance = "instances/<slug:instance_id>/"
_credential = f"{_instance}credentials/<slug:token_id>/"
_rule = "rules/<int:rule_id>/"
_execution = "executions/<int:execution_id>/"
_replica = "replicas/<slug:replica_id>/"

urlpatterns = [
    path("me/", accounts.Caller.as_view(), name="me"),
    path("accounts/", accounts.AccountList.as_view(), name="accounts"),
    path("accounts/<slug:uin>/", accounts.AccountDetail.as_view(), name="account"),
    path("users/", users.UserList.as_view(), name="users"),
    path("users/<int:user_id>/", users.UserDetail.as_view(), name="user"),
    path("users/<int:user_id>/enable/", users.UserSwitch.as_view(is_active=True), name="enable_user"),
    path("users/<int:user_id>/disable/", users.UserSwitch.as_view(is_active=False), name="disable_user"),
    path("invitations/", invitations.InvitationList.as_view(), name="invitations"),
    path("invitations/<int:invitation_id>/", invitations.InvitationDetail.as_view(), name="invitation"),
    path("regions/", regions.RegionList.as_view(), name="regions"),
    path("instances/", instances.InstanceList.as_view(), name="instances"),
    path(_instance, instances.InstanceDetail.as_view(), name="instance"),
    path(f"{_instance}connection-test/", instances.ConnectionTest.as_view(), name="test_connection"),
    path(f"{_instance}hook/", instances.HookConfiguration.as_view(), name="hook"),
    path(f"{_instance}namespaces/", namespaces.NamespaceList.as_view(), name="namespaces"),
    path(f"{_instance}namespaces/<str:name>/", namespaces.NamespaceDetail.as_view(), name="namespace"),
    path(f"{_instance}repositories/", repositories.RepositoryList.as_view(), name="repositories"),
    path(f"{_instance}tags/", repositories.TagList.as_view(), name="tags"),
    path(f"{_instance}credentials/", credentials.CredentialList.as_view(), name="credentials"),
    path(_credential, credentials.CredentialDetail.as_view(), name="credential"),
    path(
        f"{_credential}enable/",
        credentials.CredentialSwitch.as_view(is_enabled=True),
        name="enable_credential",
    ),
    path(
        f"{_credential}disable/",
        credentials.CredentialSwitch.as_view(is_enabled=False),
        name="disable_credential",
    ),
    path(f"{_instance}rules/", rules.RuleCreation.as_view(), name="create_rule"),
    path(f"{_instance}rules/preview/", rules.NewRulePreview.as_view(), name="preview_new_rule"),
    path(f"{_instance}replicas/", replicas.ReplicaCreation.as_view(), name="create_replica"),
    path("rules/", rules.RuleList.as_view(), name="rules"),
    path(_rule, rules.RuleDetail.as_view(), name="rule"),
    path(f"{_rule}enable/", rules.RuleSwitch.as_view(is_enabled=True), name="enable_rule"),
    path(f"{_rule}disable/", rules.RuleSwitch.as_view(is_enabled=False), name="disable_rule"),
    path(f"{_rule}trigger/", rules.RuleTrigger.as_view(), name="trigger_rule"),
    path(f"{_rule}preview/", rules.RulePreview.as_view(), name="preview_rule"),
    path("executions/", executions.ExecutionList.as_view(), name="executions"),
    path(_execution, executions.ExecutionDetail.as_view(), name="execution"),
    path(f"{_execution}jobs/", executions.JobList.as_view(), name="jobs"),
    path(f"{_execution}outcomes/", executions.OutcomeList.as_view(), name="outcomes"),
    path(f"{_execution}stop/", executions.ExecutionStop.as_view(), name="stop_execution"),
    path(f"{_execution}retry/", executions.ExecutionRetry.as_view(), name="retry_execution"),
    path("replicas/", replicas.ReplicaList.as_view(), name="replicas"),
    path(_replica, replicas.ReplicaDetail.as_view(), name="replica"),
    path(f"{_replica}check-drift/", replicas.DriftCheck.as_view(), name="check_drift"),
    path(f"{_replica}repair/", replicas.Repair.as_view(), name="repair_replica"),
    path("audit/", audit.AuditLog.as_view(), name="audit"),
    path("status/", status.Status.as_view(), name="status"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", reference.show, name="docs"),
]
