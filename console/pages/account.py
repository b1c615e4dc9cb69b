"""The user's own page: the account, the password, and where they are signed in."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.shared import devices, forms, sessions
from console.shared.access import Request
from registries.forms import OwnPasswordForm
from registries.services import sign_ins


@require_safe
def show(request: Request) -> HttpResponse:
    """Show the account, the user, and their open sessions."""
    this = sessions.find(request)
    found = sign_ins.list_open(request.user, timezone.now())
    rows = [(sign_in, devices.describe(sign_in.user_agent), sign_in == this) for sign_in in found]
    return render(request, "account/show.html", {"sign_ins": rows, "has_others": len(rows) > bool(this)})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def change_password(request: Request) -> HttpResponse:
    """Change the own password; other sessions end."""
    form = OwnPasswordForm(forms.posted(request), subject=request.user)
    if form.is_valid():
        form.save(timezone.now(), kept_session=request.session.session_key)
        sessions.keep_after_password_change(request, request.user)
        messages.success(request, _("Your password is changed. Your other sessions have ended."))
        return redirect("account:show")
    return render(request, "account/password.html", {"form": form})


@require_POST
def end_session(request: Request) -> HttpResponse:
    """End one of the own sessions, which the form names; ending this one is signing out."""
    asked = request.POST.get("session", "")
    own = sign_ins.list_open(request.user, timezone.now())
    sign_in = get_object_or_404(own, pk=int(asked) if asked.isdecimal() and len(asked) < 19 else None)
    if sign_in == sessions.find(request):
        sessions.finish(request)
        return redirect("session:sign_in")
    sign_ins.end(sign_in=sign_in, by=request.user, now=timezone.now())
    messages.success(request, _("The session has ended."))
    return redirect("account:show")


@require_POST
def end_other_sessions(request: Request) -> HttpResponse:
    """End all own sessions but this one."""
    ended_count = sign_ins.end_others(
        user=request.user, kept_session=request.session.session_key, now=timezone.now()
    )
    text = ngettext("%(count)d session has ended.", "%(count)d sessions have ended.", ended_count)
    messages.success(request, text % {"count": ended_count})
    return redirect("account:show")
