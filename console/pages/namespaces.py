"""The namespaces that an instance knows by name: list, create, make public or private, delete."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.shared import access, errors, forms, htmx, pagination
from console.shared.access import Request
from registries import permissions
from registries.forms.namespace import NamespaceForm
from registries.models import Namespace, Permission, User
from registries.services import namespaces

_SORTS = ("name", "created_at")


@require_safe
def list_page(request: Request, instance_id: str) -> HttpResponse:
    """Show the namespaces of the instance, searched and sorted as the URL says."""
    instance = access.get_instance_or_404(request.user, instance_id)
    search = pagination.search_of(request)
    sort = pagination.sort_of(request, _SORTS)
    found = instance.namespaces.filter(name__icontains=search).order_by(sort)
    context = {
        "instance": instance,
        "page": pagination.paginate(request, found),
        "search": search,
        "sort": sort,
        "can_create": permissions.can(request.user, Permission.PUSH, instance),
        "can_manage": permissions.can(request.user, Permission.MANAGE, instance),
    }
    return htmx.render(request, "namespaces/list.html", context, namespaces_table="namespaces/_table.html")


@require_http_methods(["GET", "POST"])
def create(request: Request, instance_id: str) -> HttpResponse:
    """Create a namespace."""
    instance = access.get_instance_or_404(request.user, instance_id)
    permissions.check(request.user, Permission.PUSH, instance)
    form = NamespaceForm(forms.posted(request), holder=instance, by=request.user)
    if namespace := forms.save(form, form.save):
        messages.success(request, _("Namespace %(name)s is created.") % {"name": namespace})
        return redirect("namespaces:list", instance_id)
    return render(request, "namespaces/create.html", {"form": form, "instance": instance})


@require_POST
def publish(request: Request, instance_id: str, name: str) -> HttpResponse:
    """Note that a namespace is public."""
    return _switch(request, instance_id, name, is_public=True)


@require_POST
def unpublish(request: Request, instance_id: str, name: str) -> HttpResponse:
    """Note that a namespace is private."""
    return _switch(request, instance_id, name, is_public=False)


@require_http_methods(["GET", "POST"])
def delete(request: Request, instance_id: str, name: str) -> HttpResponse:
    """Ask for the name of the namespace, and forget it."""
    namespace = _get_or_404(request.user, instance_id, name)
    permissions.check(request.user, Permission.MANAGE, namespace.instance)
    form = forms.ConfirmationForm(forms.posted(request), name=name)
    if form.is_valid():
        with errors.RefusalsAsMessages(request):
            namespaces.delete(namespace=namespace, by=request.user, now=timezone.now())
            messages.success(request, _("Namespace %(name)s is deleted.") % {"name": name})
        return redirect("namespaces:list", instance_id)
    context = {"form": form, "instance": namespace.instance, "namespace": namespace}
    return htmx.render(request, "namespaces/delete.html", context, dialog="namespaces/_delete.html")


def _switch(request: Request, instance_id: str, name: str, *, is_public: bool) -> HttpResponse:
    namespace = _get_or_404(request.user, instance_id, name)
    with errors.RefusalsAsMessages(request):
        namespaces.set_public(namespace=namespace, is_public=is_public, by=request.user, now=timezone.now())
        text = _("Namespace %(name)s is public.") if is_public else _("Namespace %(name)s is private.")
        messages.success(request, text % {"name": name})
    return htmx.redirect_back(request, fallback=reverse("namespaces:list", args=[instance_id]))


def _get_or_404(user: User, instance_id: str, name: str) -> Namespace:
    instance = access.get_instance_or_404(user, instance_id)
    return get_object_or_404(instance.namespaces.select_related("instance__account"), name=name)
