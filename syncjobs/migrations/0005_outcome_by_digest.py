"""Outcomes are found by digest: the tags browser shows where else the same content is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncjobs", "0003_replication")]

    operations = [
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(
                condition=models.Q(("status", "copied")), fields=["digest"], name="outcome_by_digest"
            ),
        ),
    ]
