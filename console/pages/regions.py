"""The platform's regions and the jurisdictions that decide what is cross-border; for staff."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from console.shared import access, forms, htmx, pagination
from console.shared.access import Request
from registries.forms import RegionForm
from registries.models import Region

_SORTS = ("numeric_id", "code", "name_en", "jurisdiction")


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the regions with what stands in them."""
    access.check_is_staff_or_404(request.user)
    sort = pagination.sort_of(request, _SORTS)
    regions = Region.objects.annotate(
        backend_count=Count("backends", distinct=True),
        instance_count=Count("instances", distinct=True),
        replica_count=Count("replicas", distinct=True),
    )
    context = {"page": pagination.paginate(request, regions.order_by(sort, "numeric_id")), "sort": sort}
    return htmx.render(request, "regions/list.html", context)


@require_http_methods(["GET", "POST"])
def create(request: Request) -> HttpResponse:
    """Create a region."""
    access.check_is_staff_or_404(request.user)
    form = RegionForm(forms.posted(request), by=request.user)
    region = forms.save(form, form.save)
    if region:
        messages.success(request, _("Region %(code)s is created.") % {"code": region.code})
        return redirect("regions:list")
    return render(request, "regions/create.html", {"form": form})


@require_http_methods(["GET", "POST"])
def update(request: Request, region_code: str) -> HttpResponse:
    """Change how a region is named and numbered, and its jurisdiction."""
    access.check_is_staff_or_404(request.user)
    region = get_object_or_404(Region, code=region_code)
    form = RegionForm(forms.posted(request), by=request.user, instance=region)
    if forms.save(form, form.save):
        messages.success(request, _("Region %(code)s is saved.") % {"code": region.code})
        return redirect("regions:list")
    return render(request, "regions/update.html", {"form": form, "code": region_code})
