"""Every way into the console by URL."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from console.pages import executions, instances, overview, preferences, rules, session

handler400 = "console.shared.errors.bad_request"
handler403 = "console.shared.errors.permission_denied"
handler404 = "console.shared.errors.not_found"
handler500 = "console.shared.errors.server_error"

_session = [
    path("sign-in/", session.sign_in, name="sign_in"),
    path("sign-out/", session.sign_out, name="sign_out"),
]
_account = [
    path("preferences/", preferences.edit, name="preferences"),
]
_instances = [
    path("", instances.list_page, name="list"),
    path("new/", instances.create, name="create"),
    path("<slug:instance_id>/", instances.detail, name="detail"),
    path("<slug:instance_id>/edit/", instances.update, name="update"),
    path("<slug:instance_id>/delete/", instances.delete, name="delete"),
]
_rules = [
    path("", rules.list_page, name="list"),
    path("instances/<slug:instance_id>/new/", rules.create, name="create"),
    path("rules/<int:rule_id>/configure/", rules.update, name="update"),
    path("rules/<int:rule_id>/enable/", rules.enable, name="enable"),
    path("rules/<int:rule_id>/disable/", rules.disable, name="disable"),
    path("rules/<int:rule_id>/trigger/", rules.trigger, name="trigger"),
    path("rules/<int:rule_id>/delete/", rules.delete, name="delete"),
]
_executions = [
    path("synchronization/rules/<int:rule_id>/logs/", executions.list_page, name="list"),
    path("synchronization/rules/<int:rule_id>/logs.csv", executions.export, name="export"),
    path("executions/<int:execution_id>/", executions.detail, name="detail"),
    path("executions/<int:execution_id>/stop/", executions.stop, name="stop"),
    path("executions/<int:execution_id>/retry/", executions.retry, name="retry"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(([path("", overview.show, name="show")], "overview"))),
    path("", include((_session, "session"))),
    path("", include((_account, "account"))),
    path("instances/", include((_instances, "instances"))),
    path("synchronization/", include((_rules, "rules"))),
    path("", include((_executions, "executions"))),
    path("", include("console.health.urls")),
    path("hooks/", include("console.hooks.urls")),
    path("admin/login/", session.admin_sign_in),
    path("admin/logout/", session.sign_out),
    path("admin/", admin.site.urls),
]
