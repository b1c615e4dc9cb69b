"""Every way into the console by URL."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from console.pages import (
    account,
    audit,
    connection,
    credentials,
    executions,
    instances,
    overview,
    preferences,
    previews,
    rules,
    session,
    users,
)

handler400 = "console.shared.errors.bad_request"
handler403 = "console.shared.errors.permission_denied"
handler404 = "console.shared.errors.not_found"
handler500 = "console.shared.errors.server_error"

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
_audit = [
    path("", audit.list_page, name="list"),
    path("events.csv", audit.export, name="export"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(([path("", overview.show, name="show")], "overview"))),
    path("", include((_session, "session"))),
    path("", include((_account, "account"))),
    path("account/users/", include((_users, "users"))),
    path("instances/", include((_instances, "instances"))),
    path("instances/<slug:instance_id>/credentials/", include((_credentials, "credentials"))),
    path("synchronization/", include((_rules, "rules"))),
    path("", include((_executions, "executions"))),
    path("audit/", include((_audit, "audit"))),
    path("", include("console.health.urls")),
    path("hooks/", include("console.hooks.urls")),
    path("admin/login/", session.admin_sign_in),
    path("admin/logout/", session.sign_out),
    path("admin/password_change/", account.change_password),
    path("admin/", admin.site.urls),
]
