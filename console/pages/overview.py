"""The first page: what there is, and how the last day went."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from console.shared import access, htmx, topology_drawing
from console.shared.access import Request
from registries import permissions
from syncjobs.queries import overview, topology


@require_safe
def show(request: Request) -> HttpResponse:
    """Show the overview, or what to do first where nothing exists yet."""
    now = timezone.now()
    seen = topology.topology(request.user, now)
    context = {
        "overview": overview.overview(request.user, now),
        "topology": seen,
        "drawing": topology_drawing.draw(seen),
        "tones": list(topology.Tone),
        "box_width": topology_drawing.BOX_WIDTH,
        "box_height": topology_drawing.BOX_HEIGHT,
        "platform": overview.platform() if permissions.is_platform(request.user) else None,
        "can_create": access.can_create_instances(request.user),
    }
    return htmx.render(request, "overview/show.html", context, overview_live="overview/_live.html")
