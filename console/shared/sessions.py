"""
Ties Django's sessions to the list of sign-ins, by which users see and end them.

To end a session is to delete its row: the next request with its cookie is nobody's. What the session itself
remembers is which sign-in it is, and when that was last noted as in use.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from registries.models import SignIn, User
from registries.services import sign_ins

_ID = "sign_in"
_SEEN = "sign_in_seen"
_NOTED_EVERY = timedelta(minutes=1)


class SignInMiddleware:
    """Notes, once a minute, that a session is in use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response of the view, to which a session that was ended is nobody's."""
        sign_in_id = request.session.get(_ID)
        if sign_in_id is not None and request.user.is_authenticated:
            now = timezone.now()
            if now - datetime.fromisoformat(request.session[_SEEN]) >= _NOTED_EVERY:
                if sign_ins.see(sign_in_id=sign_in_id, now=now):
                    request.session[_SEEN] = now.isoformat()
                else:
                    logout(request)
        return self.get_response(request)


def start(request: HttpRequest, user: User) -> None:
    """Sign the user in with this request's session."""
    login(request, user)
    if not request.session.session_key:
        request.session.save()
    now = timezone.now()
    sign_in = sign_ins.begin(
        user=user,
        session_key=str(request.session.session_key),
        user_agent=request.headers.get("User-Agent", ""),
        now=now,
    )
    request.session[_ID] = sign_in.pk
    request.session[_SEEN] = now.isoformat()


def keep_after_password_change(request: HttpRequest, user: User) -> None:
    """Keep this session although the password that it began with has changed; it gets a new key."""
    update_session_auth_hash(request, user)
    sign_in_id = request.session.get(_ID)
    if sign_in_id is not None:
        sign_ins.move(sign_in_id=sign_in_id, session_key=str(request.session.session_key))


def finish(request: HttpRequest) -> None:
    """Sign out."""
    if isinstance(request.user, User):
        sign_ins.end(sign_in=find(request), by=request.user, now=timezone.now())
    logout(request)


def find(request: HttpRequest) -> SignIn | None:
    """Return the sign-in of this session, if it is known."""
    sign_in_id = request.session.get(_ID)
    return None if sign_in_id is None else SignIn.objects.filter(pk=sign_in_id).first()
