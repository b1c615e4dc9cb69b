"""The verbs of the audit log in words: `rule.created` is "Rule: created"."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

NOUNS = {
    "account": gettext_lazy("Account"),
    "user": gettext_lazy("User"),
    "invitation": gettext_lazy("Invitation"),
    "password": gettext_lazy("Password"),
    "grant": gettext_lazy("Grant"),
    "session": gettext_lazy("Session"),
    "region": gettext_lazy("Region"),
    "backend": gettext_lazy("Backend"),
    "instance": gettext_lazy("Instance"),
    "replica": gettext_lazy("Replica"),
    "hook": gettext_lazy("Push event secret"),
    "access_credential": gettext_lazy("Access credential"),
    "rule": gettext_lazy("Rule"),
    "execution": gettext_lazy("Execution"),
}
ACTS = {
    "created": gettext_lazy("created"),
    "updated": gettext_lazy("changed"),
    "changed": gettext_lazy("changed"),
    "deleted": gettext_lazy("deleted"),
    "enabled": gettext_lazy("enabled"),
    "disabled": gettext_lazy("disabled"),
    "triggered": gettext_lazy("triggered"),
    "stopped": gettext_lazy("stopped"),
    "retried": gettext_lazy("retried"),
    "issued": gettext_lazy("issued"),
    "rotated": gettext_lazy("replaced"),
    "accepted": gettext_lazy("accepted"),
    "reset": gettext_lazy("reset"),
    "chosen": gettext_lazy("chosen"),
    "started": gettext_lazy("started"),
    "refused": gettext_lazy("refused"),
    "ended": gettext_lazy("ended"),
}


def label(verb: str) -> str:
    """Return the verb in words; one of an earlier release that is no longer known stays as it was written."""
    noun, _dot, act = verb.partition(".")
    if noun not in NOUNS or act not in ACTS:
        return verb
    return _("%(noun)s: %(act)s") % {"noun": NOUNS[noun], "act": ACTS[act]}
