"""The fields of a rule's form, in the order and words of the seeds. What they mean together is `forms.py`."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from registries import naming
from registries.forms.acting import ActingForm
from registries.forms.fields import BandwidthField, BandwidthWindowsField, GrammarField, QuantityField
from registries.models import Instance
from syncjobs import quantities
from syncjobs.models import ArtifactType, FilterSyntax, Rule

DEFAULT_RETRY_WINDOW_SECONDS = 86_400
DEFAULT_SWEEP_INTERVAL_SECONDS = 3_600
_LONGEST_SPAN_SECONDS = 30 * 86_400
_FILTER_LENGTH = Rule._meta.get_field("repository").max_length


class InstanceChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # no generics at run time
    """Chooses an instance by its ID; shown with ID and region, because names alone are ambiguous."""

    def label_from_instance(self, obj: Instance) -> str:
        """Return the words of one choice."""
        return f"{obj.name} ({obj.instance_id}), {obj.region.name}"


class RuleFields(ActingForm):
    """Source: seeds 000 and 001, "Creating a synchronization rule"; from `is_flattened` on, some are ours."""

    name = GrammarField(
        naming.RULE_NAME,
        label=gettext_lazy("Name"),
        help_text=gettext_lazy(
            "Lowercase letters, digits and “-._”; a letter or a digit first. Unique in the source instance."
        ),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, max_length=1000, widget=forms.Textarea
    )
    namespace = GrammarField(
        naming.SELECTED_NAMESPACE,
        label=gettext_lazy("Namespace"),
        max_length=128,
        help_text=gettext_lazy("The first part of the paths to synchronize. “*”: all namespaces."),
    )
    repository = forms.CharField(
        label=gettext_lazy("Repository Name"),
        required=False,
        max_length=_FILTER_LENGTH,
        help_text=gettext_lazy("A filter on the path below the namespace. Empty: all repositories."),
    )
    tag = forms.CharField(
        label=gettext_lazy("Tag"),
        required=False,
        max_length=_FILTER_LENGTH,
        help_text=gettext_lazy("A filter on tags. Empty: all tags."),
    )
    syntax = forms.ChoiceField(
        label=gettext_lazy("Filter syntax"),
        choices=FilterSyntax,
        required=False,
        initial=FilterSyntax.PATTERN,
    )
    artifact_type = forms.ChoiceField(
        label=gettext_lazy("Repository Type"), choices=ArtifactType, required=False, initial=ArtifactType.BOTH
    )
    is_cross_tenant = forms.BooleanField(label=gettext_lazy("Cross-tenant sync"), required=False)
    target = InstanceChoiceField(
        label=gettext_lazy("Target Instance"),
        queryset=Instance.objects.none(),
        empty_label=gettext_lazy("Select an instance"),
        to_field_name="instance_id",
        required=False,
        error_messages={"invalid_choice": gettext_lazy("There is no such instance.")},
    )
    target_instance_id = forms.CharField(
        label=gettext_lazy("Target Instance"),
        required=False,
        max_length=64,
        help_text=gettext_lazy("The ID of an instance of another account."),
    )
    target_username = forms.CharField(
        label=gettext_lazy("Username"),
        required=False,
        max_length=255,
        help_text=gettext_lazy(
            "Of a user-level account of the target instance, which is its Account ID. "
            "Service-level accounts are not supported."
        ),
    )
    target_password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        strip=False,
        max_length=255,
        widget=forms.PasswordInput,
        help_text=gettext_lazy("Use a long-term access credential: the rule works as long as it does."),
    )
    target_namespace = GrammarField(
        naming.CONNECTED_NAMESPACE,
        label=gettext_lazy("Namespace"),
        required=False,
        max_length=128,
        help_text=gettext_lazy("Empty: the same as in the source; multi-level paths are kept."),
    )
    is_flattened = forms.BooleanField(
        label=gettext_lazy("Flatten"),
        required=False,
        help_text=gettext_lazy("Keep only the last part of a multi-level path below the namespace."),
    )
    override = forms.BooleanField(
        label=gettext_lazy("Image Override"),
        required=False,
        help_text=gettext_lazy("Replace tags that exist at the target. Not recommended."),
    )
    with_referrers = forms.BooleanField(
        label=gettext_lazy("Signatures and attachments"), required=False, initial=True
    )
    sync_deletions = forms.BooleanField(
        label=gettext_lazy("Synchronize deletions"),
        required=False,
        help_text=gettext_lazy("Delete a tag at the target when the source says that it was deleted."),
    )
    bandwidth = BandwidthField()
    bandwidth_windows = BandwidthWindowsField()
    is_push_triggered = forms.BooleanField(
        label=gettext_lazy("Synchronize on push"), required=False, initial=True
    )
    schedule = forms.CharField(
        label=gettext_lazy("Schedule"),
        required=False,
        max_length=100,
        help_text=gettext_lazy("Five fields: minute, hour, day, month, weekday. Empty: no schedule."),
    )
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone of the schedule"), required=False, max_length=64, initial="UTC"
    )
    poll_interval_seconds = QuantityField(
        label=gettext_lazy("Poll interval"),
        required=False,
        parse=quantities.parse_span,
        show=quantities.show_span,
        bounds=(60, _LONGEST_SPAN_SECONDS),
        message=gettext_lazy("Enter seconds, or a span such as “5 min”: from a minute to 30 days."),
        help_text=gettext_lazy(
            "For sources that send no events: look for new tags this often. Empty: never."
        ),
    )
    sweep_interval_seconds = QuantityField(
        label=gettext_lazy("Sweep interval"),
        required=False,
        initial=DEFAULT_SWEEP_INTERVAL_SECONDS,
        parse=quantities.parse_span,
        show=quantities.show_span,
        bounds=(0, _LONGEST_SPAN_SECONDS),
        message=gettext_lazy("Enter seconds, or a span such as “1 h”; 30 days at most."),
        help_text=gettext_lazy("How often everything is compared, to find what events missed. 0: never."),
    )
    retry_window_seconds = QuantityField(
        label=gettext_lazy("Retry window"),
        required=False,
        initial=DEFAULT_RETRY_WINDOW_SECONDS,
        parse=quantities.parse_span,
        show=quantities.show_span,
        bounds=(0, _LONGEST_SPAN_SECONDS),
        message=gettext_lazy("Enter seconds, or a span such as “24 h”; 30 days at most."),
        help_text=gettext_lazy("For how long something that fails for now is tried again."),
    )
    is_enabled = forms.BooleanField(label=gettext_lazy("Enabled"), required=False, initial=True)
