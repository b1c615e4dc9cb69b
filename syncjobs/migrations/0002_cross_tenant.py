"""
A cross-tenant rule outlives its target: it keeps the instance's ID, and knows the credential that it presents.

Credentials issued before have slow hashes (registries.0004_credentials). Those that a rule presents are renewed
here, because the rule holds their secret, sealed.
"""

import hashlib
import logging

import django.db.models.deletion
from django.contrib.auth.hashers import check_password
from django.db import migrations, models

from registries import vault

log = logging.getLogger(__name__)


def name_targets(apps, schema_editor):
    """Write the ID of the target into each cross-tenant rule, and renew the credential that it presents."""
    rules = apps.get_model("syncjobs", "Rule").objects.filter(is_cross_tenant=True)
    credentials = apps.get_model("registries", "AccessCredential").objects
    for rule in rules.select_related("source", "target").iterator():
        rule.target_instance_id = rule.target.instance_id
        secret = _open_secret(rule)
        for credential in credentials.filter(instance=rule.target, username=rule.target_username):
            if secret and _is_its_secret(credential, secret):
                rule.target_token_id = credential.token_id
                _renew(credential, rule.target, secret)
                break
        rule.save(update_fields=["target_instance_id", "target_token_id"])


def _open_secret(rule):
    context = f"{rule.source.account_id}|rule|{rule.pk}|target_password"
    try:
        return vault.open_sealed(rule.sealed_target_password, context=context)
    except vault.VaultError as error:
        log.warning("Rule %s: %s", rule.pk, error)
        return ""


def _is_its_secret(credential, secret):
    if credential.secret_hash:
        return check_password(secret, credential.secret_hash)
    return credential.secret_fingerprint in vault.fingerprints(
        _digest(secret), context=_context(credential.instance, credential)
    )


def _renew(credential, instance, secret):
    seal_context = f"{instance.account_id}|instance|{instance.instance_id}|access_credential|{credential.token_id}"
    digest = _digest(secret)
    credential.secret_fingerprint = vault.fingerprint(digest, context=_context(instance, credential))
    credential.sealed_secret_digest = vault.seal(digest, context=seal_context)
    credential.secret_hash = ""
    credential.save(update_fields=["secret_fingerprint", "sealed_secret_digest", "secret_hash"])


def _context(instance, credential):
    return f"{instance.instance_id}|{credential.username}|access_credential"


def _digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


class Migration(migrations.Migration):

    dependencies = [
        ("registries", "0004_credentials"),
        ("syncjobs", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="rule",
            name="target",
            field=models.ForeignKey(
                help_text="Empty only for a cross-tenant rule whose target its owner has deleted.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="inbound_rules",
                to="registries.instance",
                verbose_name="target instance",
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="target_instance_id",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Of a cross-tenant rule, as its author entered it.",
                max_length=12,
                verbose_name="target instance ID",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="rule",
            name="target_token_id",
            field=models.CharField(
                blank=True,
                default="",
                help_text="The access credential that was last accepted for it.",
                max_length=20,
                verbose_name="credential",
            ),
            preserve_default=False,
        ),
        migrations.RunPython(name_targets, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("is_cross_tenant", False),
                        ("target__isnull", False),
                        ("target_instance_id", ""),
                        ("target_token_id", ""),
                    ),
                    models.Q(
                        ("is_cross_tenant", True),
                        models.Q(("target_instance_id", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="rule_has_target",
            ),
        ),
    ]
