"""The hook secret of a backend, which reports pushes for all the instances that live in it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registries', '0009_api_keys'),
    ]

    operations = [
        migrations.AddField(
            model_name='backend',
            name='sealed_hook_secret',
            field=models.TextField(blank=True, editable=False),
        ),
    ]
