"""The verbs of the audit log in words: `rule.created` is "Rule: created"."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

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
    "namespace": gettext_lazy("Namespace"),
    "repository": gettext_lazy("Repository"),
    "image": gettext_lazy("Image"),
    "hook": gettext_lazy("Push event secret"),
    "api_key": gettext_lazy("API key"),
    "api_token": gettext_lazy("API token"),
    "access_credential": gettext_lazy("Access credential"),
    "rule": gettext_lazy("Rule"),
    "execution": gettext_lazy("Execution"),
}
ACTS = {
    "created": pgettext_lazy("audit", "created"),
    "updated": pgettext_lazy("audit", "changed"),
    "changed": pgettext_lazy("audit", "changed"),
    "deleted": pgettext_lazy("audit", "deleted"),
    "enabled": pgettext_lazy("audit", "enabled"),
    "disabled": pgettext_lazy("audit", "disabled"),
    "triggered": pgettext_lazy("audit", "triggered"),
    "checked": pgettext_lazy("audit", "checked"),
    "repaired": pgettext_lazy("audit", "repaired"),
    "stopped": pgettext_lazy("audit", "stopped"),
    "retried": pgettext_lazy("audit", "retried"),
    "issued": pgettext_lazy("audit", "issued"),
    "revoked": pgettext_lazy("audit", "revoked"),
    "rotated": pgettext_lazy("audit", "replaced"),
    "accepted": pgettext_lazy("audit", "accepted"),
    "reset": pgettext_lazy("audit", "reset"),
    "chosen": pgettext_lazy("audit", "chosen"),
    "started": pgettext_lazy("audit", "started"),
    "refused": pgettext_lazy("audit", "refused"),
    "ended": pgettext_lazy("audit", "ended"),
}


def label(verb: str) -> str:
    """Return the verb in words; one of an earlier release that is no longer known stays as it was written."""
    noun, _dot, act = verb.partition(".")
    if noun not in NOUNS or act not in ACTS:
        return verb
    return _("%(noun)s: %(act)s") % {"noun": NOUNS[noun], "act": ACTS[act]}
