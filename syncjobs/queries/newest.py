"""
The newest executions of several instances: each instance's are read along its own index, and merged.

Asked for all instances at once, SQLite sorts every execution there is, and other databases read those of all tenants.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connections
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from registries.models import Instance, User
from syncjobs.models import Execution
from syncjobs.models.execution import ExecutionQuerySet
from syncjobs.states import ACTIVE

_MOST_SOURCES = 100


_UNDER_WAY = "status IN ('pending', 'running')"


def with_status(rows: ExecutionQuerySet, status: str) -> ExecutionQuerySet:
    """
    Keep the rows of the status.

    Those under way have an index that holds nothing else; SQLite takes it if the condition is written out.
    """
    rows = rows.filter(status=status)
    if status not in ACTIVE:
        return rows
    condition = RawSQL(_UNDER_WAY, (), BooleanField())  # noqa: S611  # a constant
    return rows.filter(pk__in=Execution.objects.filter(condition).order_by().values("pk"))


def list_ids(rows: QuerySet[Execution], *, user: User, count: int) -> list[int]:
    """Return the ids of the newest of the rows, `count` at most, the newest first; `user` sees them."""
    found = rows.select_related(None).order_by("-id").values_list("id", flat=True)
    sources: list[int] = []
    if user.account_id is not None:
        visible = Instance.objects.visible_to(user).order_by()
        sources = list(visible.values_list("pk", flat=True)[: _MOST_SOURCES + 1])
        if not sources:
            return []
    if not 1 < len(sources) <= _MOST_SOURCES:
        return list(found[:count])
    return _merge([found.filter(source=source)[:count] for source in sources], rows.db, count)


def _merge(parts: Sequence[QuerySet[Execution, int]], database: str, count: int) -> list[int]:
    """Return the largest ids of all parts; the ORM cannot join limited queries on SQLite."""
    compiled = [part.query.sql_with_params() for part in parts]
    # What the ORM compiled, its values apart.
    selects = (f"SELECT * FROM ({part}) AS part{n}" for n, (part, _values) in enumerate(compiled))  # noqa: S608
    sql = " UNION ALL ".join(selects)
    values = [value for _part, some in compiled for value in some]
    with connections[database].cursor() as cursor:
        cursor.execute(f"{sql} ORDER BY 1 DESC LIMIT %s", [*values, count])
        return [pk for (pk,) in cursor.fetchall()]
