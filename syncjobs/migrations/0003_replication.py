"""Executions outlive their replica; jobs have findings; drift reports and lag samples."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def name_replicas(apps, schema_editor):
    """Write the ID of its replica into each execution, so that it stays readable without the replica."""
    replicas = apps.get_model("registries", "Replica").objects.filter(pk=models.OuterRef("replica"))
    executions = apps.get_model("syncjobs", "Execution").objects.exclude(replica=None)
    executions.update(replica_name=models.Subquery(replicas.values("replica_id")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("registries", "0006_replication"),
        ("syncjobs", "0002_cross_tenant"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DriftReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("checked_at", models.DateTimeField(verbose_name="checked")),
                (
                    "is_complete",
                    models.BooleanField(
                        default=True,
                        help_text="Off if some repositories could not be compared.",
                        verbose_name="complete",
                    ),
                ),
                ("compared_count", models.PositiveIntegerField(default=0, verbose_name="tags compared")),
                ("missing_count", models.PositiveIntegerField(default=0, verbose_name="missing")),
                ("different_count", models.PositiveIntegerField(default=0, verbose_name="different")),
                ("surplus_count", models.PositiveIntegerField(default=0, verbose_name="surplus")),
                ("lines", models.JSONField(default=list, verbose_name="first differences")),
            ],
            options={
                "verbose_name": "drift report",
                "verbose_name_plural": "drift reports",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="LagSample",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sampled_at", models.DateTimeField(verbose_name="time")),
                ("artifacts_behind", models.PositiveIntegerField(default=0, verbose_name="artifacts behind")),
                ("seconds_behind", models.FloatField(default=0, verbose_name="seconds behind")),
            ],
            options={
                "verbose_name": "lag sample",
                "verbose_name_plural": "lag samples",
                "ordering": ("id",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="execution",
            name="execution_of_rule_or_replica",
        ),
        migrations.AddField(
            model_name="execution",
            name="replica_name",
            field=models.CharField(
                blank=True,
                help_text="Stays when the replica is gone.",
                max_length=40,
                verbose_name="replica ID",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="findings",
            field=models.JSONField(
                default=dict, help_text="What it found out beside tags, by name: counts and bytes."
            ),
        ),
        migrations.RunPython(name_replicas, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="execution",
            name="replica",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="executions",
                to="registries.replica",
                verbose_name="replica",
            ),
        ),
        migrations.AlterField(
            model_name="execution",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("manual", "Manual"),
                    ("push", "Push"),
                    ("schedule", "Schedule"),
                    ("poll", "Poll"),
                    ("sweep", "Reconciling sweep"),
                    ("backfill", "Back-fill"),
                    ("repair", "Repair"),
                    ("drift", "Drift check"),
                    ("removal", "Removal"),
                ],
                max_length=10,
                verbose_name="trigger",
            ),
        ),
        migrations.AddConstraint(
            model_name="execution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("replica__isnull", True), ("rule__isnull", False)),
                    models.Q(
                        ("rule__isnull", True),
                        models.Q(
                            ("replica__isnull", False),
                            models.Q(("replica_name", ""), _negated=True),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="execution_of_rule_or_replica",
            ),
        ),
        migrations.AddConstraint(
            model_name="execution",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("status__in", ["pending", "running"]),
                    ("trigger__in", ["backfill", "sweep", "repair", "removal"]),
                ),
                fields=("replica",),
                name="one_active_scan_per_replica",
            ),
        ),
        migrations.AddConstraint(
            model_name="execution",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["pending", "running"]), ("trigger", "drift")),
                fields=("replica",),
                name="one_active_drift_check_per_replica",
            ),
        ),
        migrations.AddField(
            model_name="driftreport",
            name="execution",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="drift_report",
                to="syncjobs.execution",
                verbose_name="task",
            ),
        ),
        migrations.AddField(
            model_name="driftreport",
            name="replica",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="drift_reports",
                to="registries.replica",
                verbose_name="replica",
            ),
        ),
        migrations.AddField(
            model_name="lagsample",
            name="replica",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="lag_samples",
                to="registries.replica",
                verbose_name="replica",
            ),
        ),
        migrations.AddIndex(
            model_name="driftreport",
            index=models.Index(fields=["replica", "-id"], name="drift_report_by_replica"),
        ),
        migrations.AddIndex(
            model_name="lagsample",
            index=models.Index(fields=["replica", "sampled_at"], name="lag_sample_by_replica"),
        ),
        migrations.AddIndex(
            model_name="lagsample",
            index=models.Index(fields=["sampled_at"], name="lag_sample_by_age"),
        ),
    ]
