"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from console.health.metrics import make_registry
from syncjobs.queries.status import get_status
from syncjobs.worker.supervisor import database_problem


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether the database is there and migrated, and whether a worker was seen in the last minute."""
    if database_problem() is not None:
        return JsonResponse({"status": "unready", "reason": "database"}, status=503)
    if not get_status(timezone.now()).has_live_worker:
        return JsonResponse({"status": "unready", "reason": "no worker"}, status=503)
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape that brings REGATTA_METRICS_TOKEN; without that setting there are no metrics."""
    if not settings.METRICS_TOKEN:
        raise Http404
    presented = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(presented.encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponse("The metrics token is missing or wrong.", status=401, content_type="text/plain")
    return HttpResponse(generate_latest(make_registry()), content_type=CONTENT_TYPE_LATEST)
