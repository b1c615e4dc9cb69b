"""Every way into the console by URL."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from console.pages import (
    account,
    audit,
    backends,
    connection,
    credentials,
    executions,
    instances,
    keys,
    namespaces,
    overview,
    platform,
    preferences,
    previews,
    regions,
    replicas,
    repositories,
    rules,
    rules_bulk,
    session,
    styleguide,
    tokens,
    users,
)

handler400 = "console.shared.errors.bad_request"
handler403 = "console.shared.errors.permission_denied"
handler404 = "console.api.problems.not_found"
handler413 = "console.api.problems.too_large"
handler500 = "console.api.problems.server_error"

_session = [
    path("sign-in/", session.sign_in, name="sign_in"),
    path("sign-out/", session.sign_out, name="sign_out"),
    path("invitations/<slug:token>/", session.accept_invitation, name="accept_invitation"),
    path("password-resets/<slug:token>/", session.choose_password, name="choose_password"),
]
_account = [
    path("preferences/", preferences.edit, name="preferences"),
    path("account/", account.show, name="show"),
    path("account/password/", account.change_password, name="change_password"),
    path("account/sessions/end/", account.end_session, name="end_session"),
    path("account/sessions/end-others/", account.end_other_sessions, name="end_other_sessions"),
]
_keys = [
    path("", keys.list_page, name="list"),
    path("new/", keys.create, name="create"),
    path("<slug:secret_id>/enable/", keys.enable, name="enable"),
    path("<slug:secret_id>/disable/", keys.disable, name="disable"),
    path("<slug:secret_id>/delete/", keys.delete, name="delete"),
]
_tokens = [
    path("", tokens.list_page, name="list"),
    path("new/", tokens.issue, name="issue"),
    path("<slug:api_token_id>/revoke/", tokens.revoke, name="revoke"),
]
_users = [
    path("", users.list_page, name="list"),
    path("invite/", users.invite, name="invite"),
    path("invitations/<int:invitation_id>/delete/", users.delete_invitation, name="delete_invitation"),
    path("<int:user_id>/", users.detail, name="detail"),
    path("<int:user_id>/enable/", users.enable, name="enable"),
    path("<int:user_id>/disable/", users.disable, name="disable"),
    path("<int:user_id>/reset-password/", users.reset_password, name="reset_password"),
    path("<int:user_id>/grants/", users.give_grant, name="give_grant"),
    path("<int:user_id>/grants/<int:grant_id>/remove/", users.remove_grant, name="remove_grant"),
]
_instances = [
    path("", instances.list_page, name="list"),
    path("new/", instances.create, name="create"),
    path("<slug:instance_id>/", instances.detail, name="detail"),
    path("<slug:instance_id>/edit/", instances.update, name="update"),
    path("<slug:instance_id>/delete/", instances.delete, name="delete"),
    path("<slug:instance_id>/connection/", connection.show, name="connection"),
]
_namespaces = [
    path("", namespaces.list_page, name="list"),
    path("new/", namespaces.create, name="create"),
    path("<str:name>/publish/", namespaces.publish, name="publish"),
    path("<str:name>/unpublish/", namespaces.unpublish, name="unpublish"),
    path("<str:name>/delete/", namespaces.delete, name="delete"),
]
_repositories = [
    path("", repositories.list_page, name="list"),
    path("<path:repository>/", repositories.detail, name="detail"),
]
_credentials = [
    path("", credentials.list_page, name="list"),
    path("new/", credentials.issue, name="issue"),
    path("<slug:token_id>/change/", credentials.update, name="update"),
    path("<slug:token_id>/enable/", credentials.enable, name="enable"),
    path("<slug:token_id>/disable/", credentials.disable, name="disable"),
    path("<slug:token_id>/delete/", credentials.delete, name="delete"),
]
_rules = [
    path("", rules.list_page, name="list"),
    path("instances/<slug:instance_id>/new/", rules.create, name="create"),
    path("rules/bulk/", rules_bulk.bulk, name="bulk"),
    path("rules/<int:rule_id>/configure/", rules.update, name="update"),
    path("rules/<int:rule_id>/enable/", rules.enable, name="enable"),
    path("rules/<int:rule_id>/disable/", rules.disable, name="disable"),
    path("rules/<int:rule_id>/trigger/", rules.trigger, name="trigger"),
    path("rules/<int:rule_id>/preview/", previews.show, name="preview"),
    path("rules/<int:rule_id>/delete/", rules.delete, name="delete"),
]
_executions = [
    path("synchronization/rules/<int:rule_id>/logs/", executions.list_page, name="list"),
    path("synchronization/rules/<int:rule_id>/logs.csv", executions.export, name="export"),
    path("executions/<int:execution_id>/", executions.detail, name="detail"),
    path("executions/<int:execution_id>/stop/", executions.stop, name="stop"),
    path("executions/<int:execution_id>/retry/", executions.retry, name="retry"),
]
_replicas = [
    path("", replicas.list_page, name="list"),
    path("instances/<slug:instance_id>/new/", replicas.create, name="create"),
    path("replicas/<slug:replica_id>/", replicas.detail, name="detail"),
    path("replicas/<slug:replica_id>/delete/", replicas.delete, name="delete"),
    path("replicas/<slug:replica_id>/check-drift/", replicas.check_drift, name="check_drift"),
    path("replicas/<slug:replica_id>/repair/", replicas.repair, name="repair"),
    path("replicas/<slug:replica_id>/logs/", replicas.logs, name="logs"),
    path("replicas/<slug:replica_id>/logs.csv", replicas.export, name="export"),
]
_regions = [
    path("", regions.list_page, name="list"),
    path("new/", regions.create, name="create"),
    path("<slug:region_code>/edit/", regions.update, name="update"),
]
_backends = [
    path("", backends.list_page, name="list"),
    path("new/", backends.create, name="create"),
    path("<slug:backend_code>/edit/", backends.update, name="update"),
    path("<slug:backend_code>/check/", backends.check, name="check"),
    path("<slug:backend_code>/hook/", backends.hook, name="hook"),
    path("<slug:backend_code>/hook/rotate/", backends.rotate_hook, name="rotate_hook"),
]
_audit = [
    path("", audit.list_page, name="list"),
    path("events.csv", audit.export, name="export"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(([path("", overview.show, name="show")], "overview"))),
    path("", include((_session, "session"))),
    path("", include((_account, "account"))),
    path("account/keys/", include((_keys, "keys"))),
    path("account/tokens/", include((_tokens, "tokens"))),
    path("account/users/", include((_users, "users"))),
    path("instances/", include((_instances, "instances"))),
    path("instances/<slug:instance_id>/credentials/", include((_credentials, "credentials"))),
    path("instances/<slug:instance_id>/namespaces/", include((_namespaces, "namespaces"))),
    path("instances/<slug:instance_id>/repositories/", include((_repositories, "repositories"))),
    path("synchronization/", include((_rules, "rules"))),
    path("replication/", include((_replicas, "replicas"))),
    path("", include((_executions, "executions"))),
    path("platform/regions/", include((_regions, "regions"))),
    path("platform/backends/", include((_backends, "backends"))),
    path("platform/workers/", include(([path("", platform.workers, name="workers")], "platform"))),
    path("audit/", include((_audit, "audit"))),
    path("styleguide/", include(([path("", styleguide.show, name="show")], "styleguide"))),
    path("", include("console.health.urls")),
    path("hooks/", include("console.hooks.urls")),
    path("api/v1/", include("console.api.urls")),
    path("admin/login/", session.admin_sign_in),
    path("admin/logout/", session.sign_out),
    path("admin/password_change/", account.change_password),
    path("admin/", admin.site.urls),
]
