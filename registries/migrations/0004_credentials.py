"""
Secrets of access credentials are recognized by a fingerprint, so that checking one costs the same for every cause.

A stored slow hash cannot be turned into a fingerprint: it stays, and opens nothing. `syncjobs.0002_cross_tenant`
renews those that rules present; the others come from files, and the next `manage.py apply` renews them.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def write_permissions(apps, schema_editor):
    """Give service-level accounts, by namespace, what their two fields allowed."""
    credentials = apps.get_model("registries", "AccessCredential").objects
    for credential in credentials.filter(kind="service").iterator():
        actions = ["pull", "push"] if credential.can_push else ["pull"]
        credential.permissions = {name: actions for name in credential.namespaces or ["*"]}
        credential.namespaces, credential.can_push = [], True
        credential.save(update_fields=["permissions", "namespaces", "can_push"])


class Migration(migrations.Migration):

    dependencies = [
        ("registries", "0002_regions"),
    ]

    operations = [
        migrations.AddField(
            model_name="accesscredential",
            name="secret_fingerprint",
            field=models.CharField(blank=True, default="", editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="accesscredential",
            name="sealed_secret_digest",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            model_name="accesscredential",
            name="permissions",
            field=models.JSONField(blank=True, default=dict, verbose_name="permissions"),
        ),
        migrations.AddField(
            model_name="accesscredential",
            name="is_temporary",
            field=models.BooleanField(default=False, verbose_name="temporary"),
        ),
        migrations.AlterField(
            model_name="accesscredential",
            name="secret_hash",
            field=models.CharField(blank=True, default="", editable=False, max_length=255),
        ),
        migrations.AlterField(
            model_name="accesscredential",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to=settings.AUTH_USER_MODEL,
                verbose_name="created by",
            ),
        ),
        migrations.RunPython(write_permissions, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="accesscredential",
            index=models.Index(fields=["secret_fingerprint"], name="access_credential_by_secret"),
        ),
        migrations.AddConstraint(
            model_name="accesscredential",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_temporary", False), ("expires_at__isnull", False), _connector="OR"),
                name="temporary_access_credential_expires",
            ),
        ),
    ]
