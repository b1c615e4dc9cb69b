"""
The user's own API keys, with which programs sign calls of the cloud API: list, make, switch, delete.

A new SecretKey is on the one page that answers its form, which nothing may keep: it goes into no session, message or
log.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from console.shared import errors
from console.shared.access import Request
from registries.models import ApiKey
from registries.services import api_keys


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the keys of the user; never a SecretKey."""
    keys = list(api_keys.list_own(request.user))
    context = {
        "keys": keys,
        "most": api_keys.MOST_KEYS,
        "can_create": request.user.account is not None and len(keys) < api_keys.MOST_KEYS,
    }
    return render(request, "keys/list.html", context)


@require_POST
@cache_control(private=True, no_store=True)
def create(request: Request) -> HttpResponse:
    """Make a key and show its SecretKey, once."""
    with errors.RefusalsAsMessages(request):
        key, secret_key = api_keys.create(user=request.user, now=timezone.now())
        return render(request, "keys/created.html", {"key": key, "secret_key": secret_key})
    return redirect("keys:list")


@require_POST
def enable(request: Request, secret_id: str) -> HttpResponse:
    """Switch a key on."""
    return _switch(request, secret_id, is_enabled=True)


@require_POST
def disable(request: Request, secret_id: str) -> HttpResponse:
    """Switch a key off."""
    return _switch(request, secret_id, is_enabled=False)


@require_POST
def delete(request: Request, secret_id: str) -> HttpResponse:
    """Delete a key that is switched off."""
    key = _get_or_404(request, secret_id)
    with errors.RefusalsAsMessages(request):
        api_keys.delete(key=key, by=request.user, now=timezone.now())
        messages.success(request, _("API key %(id)s is deleted.") % {"id": secret_id})
    return redirect("keys:list")


def _switch(request: Request, secret_id: str, *, is_enabled: bool) -> HttpResponse:
    key = _get_or_404(request, secret_id)
    api_keys.set_enabled(key=key, is_enabled=is_enabled, by=request.user, now=timezone.now())
    text = _("API key %(id)s is enabled.") if is_enabled else _("API key %(id)s is disabled.")
    messages.success(request, text % {"id": secret_id})
    return redirect("keys:list")


def _get_or_404(request: Request, secret_id: str) -> ApiKey:
    return get_object_or_404(
        api_keys.list_own(request.user).select_related("user__account"), secret_id=secret_id
    )
