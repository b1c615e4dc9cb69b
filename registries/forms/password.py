"""The forms in which people choose a password of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries.forms.acting import ActingForm
from registries.models import User
from registries.services import passwords, sign_in_attempts
from registries.services.sign_in_attempts import TooManyAttempts

_LONGEST = 1024


class PasswordField(forms.CharField):
    """A password as it is typed; `autocomplete` tells password managers what it is."""

    def __init__(self, *, label: Any, autocomplete: str) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(label=label, strip=False, max_length=_LONGEST, widget=widget)


class ChosenPasswordForm(ActingForm):
    """
    A new password, typed twice, that is not a weak one for its user.

    `subject` need not be stored: it is whom the password must not resemble.
    """

    password = PasswordField(label=gettext_lazy("New password"), autocomplete="new-password")
    repeated = PasswordField(label=gettext_lazy("Repeat the new password"), autocomplete="new-password")

    def __init__(self, data: Mapping[str, Any] | None = None, *, subject: User) -> None:
        super().__init__(data, by=None)
        self.subject = subject
        self.fields["password"].help_text = " ".join(password_validation.password_validators_help_texts())

    def clean_password(self) -> str:
        """Check that the password is not a weak one."""
        value: str = self.cleaned_data["password"]
        password_validation.validate_password(value, self.subject)
        return value

    def clean(self) -> dict[str, Any]:
        """Check that both are the same."""
        values: dict[str, Any] = super().clean() or {}
        password, repeated = values.get("password"), values.get("repeated")
        if password and repeated and password != repeated:
            self.add_error("repeated", _("The two passwords differ."))
        return values


class OwnPasswordForm(ChosenPasswordForm):
    """Changes the password of the user who is signed in and knows the present one; guessing it is slowed down."""

    present = PasswordField(label=gettext_lazy("Present password"), autocomplete="current-password")
    field_order = ("present", "password", "repeated")

    def clean_present(self) -> str:
        """Check the present password, at the pace of signing in."""
        value: str = self.cleaned_data["present"]
        now = timezone.now()
        try:
            attempt = sign_in_attempts.begin(name=self.subject.login, now=now)
        except TooManyAttempts as refusal:
            raise ValidationError(str(refusal)) from None
        if not self.subject.check_password(value):
            sign_in_attempts.fail(attempt, now=now)
            raise ValidationError(_("This is not your present password."))
        sign_in_attempts.succeed(attempt, now=now)
        return value

    def save(self, now: datetime, *, kept_session: str | None) -> None:
        """Change the password of a valid form, and end all sessions but the one of this key."""
        passwords.change_own(
            user=self.subject, password=self.cleaned_data["password"], kept_session=kept_session, now=now
        )
