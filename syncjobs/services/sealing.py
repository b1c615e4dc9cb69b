"""The sealed fields of this package, for `registries/services/sealing.py`."""

from registries.services.sealing import SealedField
from syncjobs.models import Rule

FIELDS = (SealedField(Rule, "sealed_target_password", lambda rule: rule.seal_context, ("source__account",)),)
"""Every sealed field of this package; a test walks the models for one that is missing."""
