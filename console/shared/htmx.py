"""
Page or fragment, and where to go after an action.

Every action is a form that redirects. htmx follows the redirect and gets the fragment that it asked for; a
browser without JavaScript gets the whole page.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render as render_page
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from console.shared.access import Request

_VARY = ("HX-Request", "HX-Target")


def render(request: Request, page: str, context: dict[str, Any], **fragments: str) -> HttpResponse:
    """
    Render the fragment that htmx wants to replace, or the whole page.

    `fragments` maps the id of an element, with `_` for `-`, to the template that renders it.
    """
    wanted = (request.htmx.target or "").replace("-", "_") if request.htmx else ""
    response = render_page(request, fragments.get(wanted, page), context)
    patch_vary_headers(response, _VARY)
    return response


def redirect_back(request: HttpRequest, *, fallback: str) -> HttpResponseRedirect:
    """Redirect to the page that the form named as `next`, if it is one of ours, else to the fallback."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target if target and is_ours else fallback)
