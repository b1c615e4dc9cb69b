"""
Plain functions that build rows for tests, each valid without arguments.

They write models directly: what a service or form would refuse is the subject of other tests.
"""

from tests.factories.registries import (
    PASSWORD,
    make_access_credential,
    make_account,
    make_backend,
    make_credential,
    make_grant,
    make_hosted_instance,
    make_instance,
    make_invitation,
    make_namespace,
    make_password_reset,
    make_region,
    make_replica,
    make_sign_in,
    make_staff,
    make_user,
)
from tests.factories.syncjobs import (
    make_cross_tenant_rule,
    make_execution,
    make_finished_execution,
    make_job,
    make_outcome,
    make_rule,
    make_worker,
)

__all__ = [
    "PASSWORD",
    "make_access_credential",
    "make_account",
    "make_backend",
    "make_credential",
    "make_cross_tenant_rule",
    "make_execution",
    "make_finished_execution",
    "make_grant",
    "make_hosted_instance",
    "make_instance",
    "make_invitation",
    "make_job",
    "make_namespace",
    "make_outcome",
    "make_password_reset",
    "make_region",
    "make_replica",
    "make_rule",
    "make_sign_in",
    "make_staff",
    "make_user",
    "make_worker",
]
