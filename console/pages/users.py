"""The users of an account: list, invitations, and what one of them is and may do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.shared import access, errors, forms, htmx, pagination
from console.shared.access import Request
from registries import permissions
from registries.forms import GrantForm, InvitationForm, MemberForm
from registries.models import Account, Grant, Invitation, User
from registries.services import accounts, grants, invitations, passwords

_SORTS = ("username", "role", "last_login", "is_active")


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the users of the account and who is invited; to staff, everybody's."""
    access.check_administers(request.user)
    search = pagination.search_of(request)
    sort = pagination.sort_of(request, _SORTS)
    found = User.objects.visible_to(request.user).select_related("account")
    if search:
        found = found.filter(Q(login__icontains=search) | Q(email__icontains=search))
    found = found.annotate(grant_count=Count("grants")).order_by(sort, "login")
    invited = Invitation.objects.visible_to(request.user).select_related("account", "created_by")
    context = {
        "page": pagination.paginate(request, found),
        "search": search,
        "sort": sort,
        "invitations": pagination.paginate(request, invited, parameter="invited"),
        "now": timezone.now(),
        "can_invite": request.user.account is not None,
    }
    return htmx.render(request, "users/list.html", context, users_table="users/_table.html")


@never_cache
@require_http_methods(["GET", "POST"])
def invite(request: Request) -> HttpResponse:
    """Invite somebody, and show the link, once."""
    account = request.user.account
    if account is None:
        raise PermissionDenied(_("Staff of the platform have no account. Sign in as a user of one."))
    permissions.check_can_administer(request.user, account)
    form = InvitationForm(forms.posted(request), account=account, by=request.user)
    invitation = forms.save(form, form.save)
    if invitation is None:
        return render(request, "users/invite.html", {"form": form})
    url = reverse("session:accept_invitation", args=[form.token])
    return _show_link(request, url, invitation.expires_at, {"invitation": invitation})


@require_POST
def delete_invitation(request: Request, invitation_id: int) -> HttpResponse:
    """Withdraw an invitation."""
    visible = Invitation.objects.visible_to(request.user).select_related("account")
    invitation = get_object_or_404(visible, pk=invitation_id)
    access.check_administers(request.user)
    with errors.RefusalsAsMessages(request):
        invitations.delete(invitation=invitation, by=request.user, now=timezone.now())
        messages.success(
            request, _("The invitation of %(name)s is withdrawn.") % {"name": invitation.username}
        )
    return redirect("users:list")


@require_http_methods(["GET", "POST"])
def detail(request: Request, user_id: int) -> HttpResponse:
    """Show one user with their grants, and change role and email."""
    member, account = _get_member(request, user_id)
    form = MemberForm(forms.posted(request), account=account, instance=member, by=request.user)
    if forms.save(form, form.save):
        messages.success(request, _("User %(name)s is saved.") % {"name": member.username})
        has_stepped_down = member == request.user and not permissions.can_administer(member, account)
        return redirect("overview:show") if has_stepped_down else redirect("users:detail", user_id)
    return _show_member(request, member, {"form": form})


@require_POST
def enable(request: Request, user_id: int) -> HttpResponse:
    """Let a user sign in again."""
    return _switch(request, user_id, is_active=True)


@require_POST
def disable(request: Request, user_id: int) -> HttpResponse:
    """Switch a user off; their sessions end."""
    return _switch(request, user_id, is_active=False)


@never_cache
@require_POST
def reset_password(request: Request, user_id: int) -> HttpResponse:
    """Make a user's password useless, and show the link by which they choose another, once."""
    member, _account = _get_member(request, user_id)
    with errors.RefusalsAsMessages(request):
        link, token = passwords.reset(user=member, by=request.user, now=timezone.now())
        url = reverse("session:choose_password", args=[token])
        return _show_link(request, url, link.expires_at, {"member": member})
    return redirect("users:detail", user_id)


@require_POST
def give_grant(request: Request, user_id: int) -> HttpResponse:
    """Add a grant, or change the one on the same instance."""
    member, account = _get_member(request, user_id)
    form = GrantForm(request.POST, user=member, by=request.user)
    grant = forms.save(form, form.save)
    if grant:
        text = _("%(name)s now has “%(permission)s” on %(instance)s.")
        values = {
            "name": member.username,
            "permission": grant.get_permission_display(),
            "instance": grant.instance.name,
        }
        messages.success(request, text % values)
        return redirect("users:detail", user_id)
    member_form = MemberForm(account=account, instance=member, by=request.user)
    return _show_member(request, member, {"form": member_form, "grant_form": form})


@require_POST
def remove_grant(request: Request, user_id: int, grant_id: int) -> HttpResponse:
    """Take a grant back."""
    member, _account = _get_member(request, user_id)
    own = Grant.objects.select_related("instance__account", "user__account").filter(user=member)
    grant = get_object_or_404(own, pk=grant_id)
    with errors.RefusalsAsMessages(request):
        grants.remove(grant=grant, by=request.user, now=timezone.now())
        messages.success(request, _("The grant on %(name)s is removed.") % {"name": grant.instance.name})
    return redirect("users:detail", user_id)


def _get_member(request: Request, user_id: int) -> tuple[User, Account]:
    """Return a visible user with their account; raises Http404, and PermissionDenied to who administers nothing."""
    visible = User.objects.visible_to(request.user).select_related("account")
    member = get_object_or_404(visible, pk=user_id)
    access.check_administers(request.user)
    assert member.account is not None  # noqa: S101  # `visible_to` gives users of accounts only
    return member, member.account


def _switch(request: Request, user_id: int, *, is_active: bool) -> HttpResponse:
    member, _account = _get_member(request, user_id)
    with errors.RefusalsAsMessages(request):
        accounts.set_user_active(user=member, is_active=is_active, by=request.user, now=timezone.now())
        text = _("User %(name)s is enabled.") if is_active else _("User %(name)s is disabled.")
        messages.success(request, text % {"name": member.username})
    return redirect("users:detail", user_id)


def _show_member(request: Request, member: User, context: dict[str, Any]) -> HttpResponse:
    facts = {
        "member": member,
        "grants": member.grants.select_related("instance").order_by("instance__name"),
        "can_change": permissions.can_administer_user(request.user, member),
        "is_self": member == request.user,
        "has_reset": hasattr(member, "password_reset"),
    }
    defaults = {"grant_form": GrantForm(user=member, by=request.user)}
    return render(request, "users/detail.html", defaults | context | facts)


def _show_link(request: Request, path: str, expires_at: datetime, context: dict[str, Any]) -> HttpResponse:
    link = {"url": settings.BASE_URL + path, "expires_at": expires_at}
    return render(request, "users/link.html", link | context)
