"""
The access credentials of an instance: list, issue, change, switch, delete; source: seeds 000 and 001.

A new secret is on the one page that answers its form, which nothing may keep: it goes into no session, message
or log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.shared import access, errors, forms, htmx, pagination
from console.shared.access import Request
from registries import permissions
from registries.forms import AccessCredentialForm, CredentialChangeForm
from registries.models import AccessCredential, CredentialState, Instance, Permission, User
from registries.services import issued_secrets


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential, what it is good for now, and whether the asker may change it."""

    credential: AccessCredential
    state: CredentialState
    can_change: bool


@require_safe
def list_page(request: Request, instance_id: str) -> HttpResponse:
    """Show the credentials that the instance has issued."""
    instance = access.get_instance_or_404(request.user, instance_id)
    page = pagination.paginate(request, _credentials_of(instance).order_by("-created_at", "-pk"))
    now = timezone.now()
    context = {
        "instance": instance,
        "page": page,
        "rows": [_describe(credential, request.user, now) for credential in page],
        "can_issue": permissions.can(request.user, Permission.PUSH, instance),
    }
    return render(request, "credentials/list.html", context)


@require_http_methods(["GET", "POST"])
@cache_control(private=True, no_store=True)
def issue(request: Request, instance_id: str) -> HttpResponse:
    """Issue a credential and show its secret, once."""
    instance = access.get_instance_or_404(request.user, instance_id)
    permissions.check(request.user, Permission.PUSH, instance)
    form = AccessCredentialForm(forms.posted(request), holder=instance, by=request.user)
    credential = forms.save(form, form.save)
    if credential:
        context = {"instance": instance, "credential": credential, "secret": form.issued_secret}
        return render(request, "credentials/issued.html", context)
    return render(request, "credentials/issue.html", {"form": form, "instance": instance})


@require_http_methods(["GET", "POST"])
def update(request: Request, instance_id: str, token_id: str) -> HttpResponse:
    """Change description, end and reach of a credential."""
    credential = _get_or_404(request.user, instance_id, token_id)
    issued_secrets.check_can_change(request.user, credential)
    form = CredentialChangeForm(forms.posted(request), by=request.user, instance=credential)
    if forms.save(form, form.save):
        messages.success(request, _("Credential %(name)s is saved.") % {"name": credential})
        return redirect("credentials:list", instance_id)
    context = {"form": form, "instance": credential.instance, "credential": credential}
    return render(request, "credentials/update.html", context)


@require_POST
def enable(request: Request, instance_id: str, token_id: str) -> HttpResponse:
    """Switch a credential on."""
    return _switch(request, instance_id, token_id, is_enabled=True)


@require_POST
def disable(request: Request, instance_id: str, token_id: str) -> HttpResponse:
    """Switch a credential off."""
    return _switch(request, instance_id, token_id, is_enabled=False)


@require_http_methods(["GET", "POST"])
def delete(request: Request, instance_id: str, token_id: str) -> HttpResponse:
    """Ask for the username, and delete the credential."""
    credential = _get_or_404(request.user, instance_id, token_id)
    issued_secrets.check_can_withdraw(request.user, credential)
    form = forms.ConfirmationForm(forms.posted(request), name=credential.username)
    if form.is_valid():
        with errors.RefusalsAsMessages(request):
            name = str(credential)
            issued_secrets.delete(credential=credential, by=request.user, now=timezone.now())
            messages.success(request, _("Credential %(name)s is deleted.") % {"name": name})
        return redirect("credentials:list", instance_id)
    context = {"form": form, "instance": credential.instance, "credential": credential}
    return htmx.render(request, "credentials/delete.html", context, dialog="credentials/_delete.html")


def _switch(request: Request, instance_id: str, token_id: str, *, is_enabled: bool) -> HttpResponse:
    credential = _get_or_404(request.user, instance_id, token_id)
    with errors.RefusalsAsMessages(request):
        issued_secrets.set_enabled(
            credential=credential, is_enabled=is_enabled, by=request.user, now=timezone.now()
        )
        text = _("Credential %(name)s is enabled.") if is_enabled else _("Credential %(name)s is disabled.")
        messages.success(request, text % {"name": credential})
    return htmx.redirect_back(request, fallback=reverse("credentials:list", args=[instance_id]))


def _credentials_of(instance: Instance) -> QuerySet[AccessCredential]:
    return AccessCredential.objects.filter(instance=instance).select_related(
        "created_by", "instance__account"
    )


def _get_or_404(user: User, instance_id: str, token_id: str) -> AccessCredential:
    instance = access.get_instance_or_404(user, instance_id)
    return get_object_or_404(_credentials_of(instance), token_id=token_id)


def _describe(credential: AccessCredential, user: User, now: datetime) -> CredentialRow:
    return CredentialRow(credential, credential.state(now), issued_secrets.can_change(user, credential))
