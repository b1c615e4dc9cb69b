"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh


class SignInForm(AuthenticationForm):
    """One message for every cause, so that a stranger learns nothing about names."""

    error_messages = {
        "invalid_login": _(
            "The username or password is wrong, or the user is not active. If several accounts have a user of "
            "this name, sign in as username@AccountID."
        ),
        "inactive": _("This user is not active."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Username")
        self.fields["username"].help_text = _("Or username@AccountID")


@method_decorator(login_not_required, name="dispatch")
class SignInView(LoginView):
    """The sign-in page; somebody who is signed in goes on to where they were going."""

    template_name = "session/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form; a fragment that htmx asked for after the session ended reloads its whole page instead."""
        if getattr(request, "htmx", False):
            return HttpResponseClientRefresh()
        return super().get(request, *args, **kwargs)


sign_in = SignInView.as_view()


@login_not_required
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Send Django admin's visitors to the sign-in page, unless they are signed in and no staff."""
    if request.user.is_authenticated:
        raise PermissionDenied(_("Only the platform's staff may see this."))
    return redirect_to_login(request.GET.get("next", reverse("admin:index")))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("session:sign_in")
