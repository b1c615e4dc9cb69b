"""Replicas know when they were complete, and when they are swept and checked next."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registries", "0005_audit"),
    ]

    operations = [
        migrations.AddField(
            model_name="replica",
            name="running_since",
            field=models.DateTimeField(
                blank=True,
                help_text="When everything had arrived for the first time.",
                null=True,
                verbose_name="running since",
            ),
        ),
        migrations.AddField(
            model_name="replica",
            name="sweep_interval_seconds",
            field=models.PositiveIntegerField(
                default=3600,
                help_text="How often everything is compared, to find what events missed. 0: never.",
                verbose_name="sweep interval, seconds",
            ),
        ),
        migrations.AddField(
            model_name="replica",
            name="next_sweep_at",
            field=models.DateTimeField(blank=True, db_index=True, null=True, verbose_name="next sweep"),
        ),
        migrations.AddField(
            model_name="replica",
            name="next_drift_check_at",
            field=models.DateTimeField(blank=True, db_index=True, null=True, verbose_name="next drift check"),
        ),
    ]
