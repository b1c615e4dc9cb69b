"""Actions on several rows at once: each row goes through its service, as if it were changed alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from registries.models import User
from registries.policies import Refused

Row = TypeVar("Row", bound=Model)


def for_each(request: HttpRequest, rows: QuerySet[Row], act: Callable[[Row, User, datetime], None]) -> None:
    """Call the service for each row; say for how many it went well, and of the others why it did not."""
    count = 0
    for row in rows:
        try:
            act(row, cast(User, request.user), timezone.now())
        except (Refused, PermissionDenied) as refusal:
            messages.error(request, f"{row}: {refusal}")
        else:
            count += 1
    if count:
        text = ngettext("Done for %(count)d row.", "Done for %(count)d rows.", count)
        messages.success(request, text % {"count": count})
