"""Signing in and out, and the one-time links by which people choose a password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from console.shared import forms, sessions
from registries.forms import ChosenPasswordForm
from registries.models import User
from registries.services import invitations, passwords, sign_in_attempts
from registries.services.sign_in_attempts import TooManyAttempts


class SignInForm(AuthenticationForm):
    """One message for every cause, so that a stranger learns nothing about names; guessing is slowed down."""

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

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        """Check name and password, unless too many attempts were made with this name or from this address."""
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return self.cleaned_data
        now = timezone.now()
        try:
            attempt = sign_in_attempts.begin(name=name, now=now)
        except TooManyAttempts as refusal:
            raise ValidationError(str(refusal)) from None
        try:
            values = super().clean()
        except ValidationError:
            sign_in_attempts.fail(attempt, now=now)
            raise
        sign_in_attempts.succeed(attempt, now=now)
        return values


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

    def form_valid(self, form: AuthenticationForm) -> HttpResponseRedirect:
        """Begin the session, and go on."""
        sessions.start(self.request, form.get_user())
        return HttpResponseRedirect(self.get_success_url())


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
    sessions.finish(request)
    return redirect("session:sign_in")


@login_not_required
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Let the invited person choose a password, and sign them in."""
    invitation = invitations.find(token, timezone.now())
    if invitation is None:
        raise Http404
    subject = User(username=invitation.username, login=str(invitation), email=invitation.email)
    context = {"account": invitation.account, "role": invitation.get_role_display()}
    return _choose_password(request, token, subject, invitations.accept, context)


@login_not_required
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def choose_password(request: HttpRequest, token: str) -> HttpResponse:
    """Let somebody whose password was reset choose a new one, and sign them in."""
    found = passwords.find_reset(token, timezone.now())
    if found is None:
        raise Http404
    return _choose_password(request, token, found.user, passwords.choose, {})


def _choose_password(
    request: HttpRequest, token: str, subject: User, act: Callable[..., User], context: dict[str, Any]
) -> HttpResponse:
    form = ChosenPasswordForm(forms.posted(request), subject=subject)
    user = forms.save(form, lambda now: act(token=token, password=form.cleaned_data["password"], now=now))
    if user is None:
        return render(request, "session/choose_password.html", {"form": form, "subject": subject} | context)
    sessions.start(request, user)
    messages.success(request, gettext("Your password is set, and you are signed in."))
    return redirect("overview:show")
