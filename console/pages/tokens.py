"""
The API tokens of the user who is signed in: list, issue, revoke.

A new token is on the one page that answers its form, which nothing may keep: it goes into no session, message or log.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.shared import errors, forms
from console.shared.access import Request
from registries.forms import ApiTokenForm
from registries.services import api_tokens


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the own tokens."""
    now = timezone.now()
    rows = [(token, token.is_expired(now)) for token in api_tokens.list_own(request.user)]
    return render(request, "tokens/list.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@cache_control(private=True, no_store=True)
def issue(request: Request) -> HttpResponse:
    """Issue a token and show it, once."""
    form = ApiTokenForm(forms.posted(request), by=request.user)
    token = forms.save(form, form.save)
    if token:
        return render(request, "tokens/issued.html", {"token": token, "text": form.issued_text})
    return render(request, "tokens/issue.html", {"form": form})


@require_POST
def revoke(request: Request, api_token_id: str) -> HttpResponse:
    """Revoke one of the own tokens."""
    token = get_object_or_404(api_tokens.list_own(request.user), token_id=api_token_id)
    with errors.RefusalsAsMessages(request):
        name = str(token)
        api_tokens.revoke(token=token, by=request.user, now=timezone.now())
        messages.success(request, _("Token %(name)s is revoked.") % {"name": name})
    return redirect("tokens:list")
