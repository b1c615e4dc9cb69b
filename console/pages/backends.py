"""The registries in which hosted instances and replicas live: health, capacity, credentials; for staff."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.shared import access, forms, htmx, pagination
from console.shared.access import Request
from console.shared.hook_setup import Hook
from registries.forms import BackendForm
from registries.models import Backend, Health
from registries.services import backend_checks, hooks

_PLACEHOLDER = "SECRET"
_SORTS = ("region__numeric_id", "code", "health", "tenant_count", "last_healthy_at")


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the backends with their health, and how full they are."""
    access.check_is_staff_or_404(request.user)
    sort = pagination.sort_of(request, _SORTS)
    found = Backend.objects.with_tenants().select_related("region").order_by(sort, "code")
    context = {"page": pagination.paginate(request, found), "sort": sort}
    return htmx.render(request, "backends/list.html", context, backends_table="backends/_table.html")


@require_http_methods(["GET", "POST"])
def create(request: Request) -> HttpResponse:
    """Attach a registry to a region, and check it at once."""
    access.check_is_staff_or_404(request.user)
    form = BackendForm(forms.posted(request), by=request.user, with_switch=True)
    backend = forms.save(form, form.save)
    if backend:
        messages.success(request, _("Backend %(code)s is created.") % {"code": backend.code})
        _check(request, backend)
        return redirect("backends:list")
    return render(request, "backends/create.html", {"form": form})


@require_http_methods(["GET", "POST"])
def update(request: Request, backend_code: str) -> HttpResponse:
    """Change a backend; a changed connection is checked at once."""
    access.check_is_staff_or_404(request.user)
    backend = get_object_or_404(Backend.objects.select_related("region"), code=backend_code)
    form = BackendForm(forms.posted(request), by=request.user, instance=backend, with_switch=True)
    if forms.save(form, form.save):
        messages.success(request, _("Backend %(code)s is saved.") % {"code": backend.code})
        if backend.health == Health.UNKNOWN:
            _check(request, backend)
        return redirect("backends:list")
    return render(request, "backends/update.html", {"form": form, "code": backend_code})


@require_POST
def check(request: Request, backend_code: str) -> HttpResponse:
    """Try the backend out now."""
    access.check_is_staff_or_404(request.user)
    _check(request, get_object_or_404(Backend.objects.select_related("credential"), code=backend_code))
    return htmx.redirect_back(request, fallback=reverse("backends:list"))


@require_safe
def hook(request: Request, backend_code: str) -> HttpResponse:
    """Show how the backend's registry is made to report pushes; never the secret."""
    access.check_is_staff_or_404(request.user)
    return _render_hook(request, get_object_or_404(Backend, code=backend_code))


@require_POST
@cache_control(private=True, no_store=True)
def rotate_hook(request: Request, backend_code: str) -> HttpResponse:
    """Make a new secret for the backend's hook, and show it once: on the page that answers, which nothing keeps."""
    access.check_is_staff_or_404(request.user)
    backend = get_object_or_404(Backend, code=backend_code)
    secret = hooks.rotate_secret(holder=backend, by=request.user, now=timezone.now())
    return _render_hook(request, backend, secret)


def _render_hook(request: Request, backend: Backend, secret: str = "") -> HttpResponse:
    context = {"backend": backend, "hook": Hook.of(backend, secret or _PLACEHOLDER), "is_new": bool(secret)}
    return render(request, "backends/hook.html", context)


def _check(request: Request, backend: Backend) -> None:
    checked = backend_checks.check(backend=backend, by=request.user, now=timezone.now())
    if checked.health == Health.HEALTHY:
        messages.success(request, _("Backend %(code)s is healthy.") % {"code": checked.code})
    else:
        messages.warning(
            request,
            _("Backend %(code)s cannot be used: %(detail)s")
            % {"code": checked.code, "detail": checked.health_detail},
        )
