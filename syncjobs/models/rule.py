"""A synchronization rule of a source instance."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries import vault
from registries.models import Instance, User
from syncjobs.matching import Syntax
from syncjobs.planner import Selection


class ArtifactType(models.TextChoices):
    """What a rule copies; decided from the manifest, never from a name."""

    BOTH = "both", _("Container image and Helm Chart")
    IMAGE = "image", _("Container image")
    CHART = "chart", _("Helm Chart")


class FilterSyntax(models.TextChoices):
    """How the filters of a rule are read: `syncjobs/matching.py`."""

    PATTERN = "pattern", _("Pattern")
    REGEX = "regex", _("Regular expression")


class RuleQuerySet(models.QuerySet["Rule"]):
    """Rules, narrowed to what somebody may see."""

    def visible_to(self, user: User) -> RuleQuerySet:
        """Keep the rules whose source instance the user may see."""
        return self.filter(source__in=Instance.objects.visible_to(user))


class Rule(models.Model):
    """
    Which repositories and tags of the source go where, when, and how.

    Source: seeds 000 to 002, "Creating a synchronization rule"; design/architecture.md "Rules of a rule".
    """

    source = models.ForeignKey(
        Instance, on_delete=models.PROTECT, related_name="rules", verbose_name=_("source instance")
    )
    name = models.CharField(_("name"), max_length=255)
    description = models.TextField(_("description"), blank=True)
    namespace = models.CharField(_("namespace"), max_length=128)
    repository = models.CharField(_("repository name"), max_length=256, blank=True)
    tag = models.CharField(_("tag"), max_length=256, blank=True)
    syntax = models.CharField(
        _("filter syntax"), max_length=10, choices=FilterSyntax, default=FilterSyntax.PATTERN
    )
    artifact_type = models.CharField(
        _("repository type"), max_length=10, choices=ArtifactType, default=ArtifactType.BOTH
    )
    target = models.ForeignKey(
        Instance,
        on_delete=models.SET_NULL,
        null=True,
        related_name="inbound_rules",
        verbose_name=_("target instance"),
        help_text=_("Empty only for a cross-tenant rule whose target its owner has deleted."),
    )
    is_cross_tenant = models.BooleanField(_("cross-tenant synchronization"), default=False)
    target_instance_id = models.CharField(
        _("target instance ID"),
        max_length=12,
        blank=True,
        help_text=_("Of a cross-tenant rule, as its author entered it."),
    )
    target_username = models.CharField(_("username"), max_length=255, blank=True)
    target_token_id = models.CharField(
        _("credential"),
        max_length=20,
        blank=True,
        help_text=_("The access credential that was last accepted for it."),
    )
    sealed_target_password = models.TextField(editable=False, blank=True)
    target_namespace = models.CharField(_("target namespace"), max_length=128, blank=True)
    is_flattened = models.BooleanField(_("flatten"), default=False)
    override = models.BooleanField(_("image override"), default=False)
    with_referrers = models.BooleanField(_("with signatures and attachments"), default=True)
    sync_deletions = models.BooleanField(_("synchronize deletions"), default=False)
    bandwidth = models.PositiveBigIntegerField(_("bandwidth limit, bytes per second"), null=True, blank=True)
    bandwidth_windows = models.CharField(
        _("bandwidth windows"),
        max_length=255,
        blank=True,
        help_text=_("Other limits at certain hours, such as 08:00-18:00 5MB/s; 22:00-06:00 unlimited."),
    )
    is_push_triggered = models.BooleanField(_("synchronize on push"), default=True)
    schedule = models.CharField(_("schedule"), max_length=100, blank=True)
    time_zone = models.CharField(_("time zone of the schedule"), max_length=64, default="UTC")
    next_run_at = models.DateTimeField(_("next run"), null=True, blank=True, db_index=True)
    poll_interval_seconds = models.PositiveIntegerField(
        _("poll interval, seconds"),
        null=True,
        blank=True,
        help_text=_("For sources that send no events: look for new tags this often."),
    )
    next_poll_at = models.DateTimeField(_("next poll"), null=True, blank=True, db_index=True)
    sweep_interval_seconds = models.PositiveIntegerField(
        _("sweep interval, seconds"),
        default=3600,
        help_text=_("How often everything is compared, to find what events missed. 0: never."),
    )
    next_sweep_at = models.DateTimeField(_("next sweep"), null=True, blank=True, db_index=True)
    retry_window_seconds = models.PositiveIntegerField(_("retry window, seconds"), default=86_400)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects = RuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("synchronization rule")
        verbose_name_plural = _("synchronization rules")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["source", "name"], name="rule_name_unique_in_source"),
            models.CheckConstraint(condition=~models.Q(namespace=""), name="rule_has_namespace"),
            models.CheckConstraint(
                condition=models.Q(is_cross_tenant=False, target_username="", sealed_target_password="")
                | models.Q(is_cross_tenant=True) & ~models.Q(target_username=""),
                name="rule_credential_iff_cross_tenant",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    is_cross_tenant=False, target__isnull=False, target_instance_id="", target_token_id=""
                )
                | models.Q(is_cross_tenant=True) & ~models.Q(target_instance_id=""),
                name="rule_has_target",
            ),
            models.CheckConstraint(
                condition=models.Q(artifact_type__in=ArtifactType.values), name="rule_artifact_type_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def selection(self) -> Selection:
        """What the rule selects and where that goes, for the planner."""
        return Selection(
            namespace=self.namespace,
            repository=self.repository,
            tag=self.tag,
            syntax=Syntax(self.syntax),
            target_namespace=self.target_namespace,
            flatten=self.is_flattened,
        )

    @property
    def seal_context(self) -> str:
        """What the presented secret of a cross-tenant rule is bound to."""
        return f"{self.source.account_id}|rule|{self.pk}|target_password"

    def seal_target_password(self, password: str) -> None:
        """Set the sealed secret of a saved rule; the caller saves."""
        self.sealed_target_password = vault.seal(password, context=self.seal_context)

    def open_target_password(self) -> str:
        """
        Return the secret that the rule's tenant presents to the target's account.

        Raises VaultError if it does not open.
        """
        return vault.open_sealed(self.sealed_target_password, context=self.seal_context)
