"""The health and the capacity of backends."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registries', '0006_replication'),
    ]

    operations = [
        migrations.AddField(
            model_name='backend',
            name='capacity',
            field=models.PositiveIntegerField(blank=True, help_text='How many hosted instances and replicas it takes. Empty: any number.', null=True, verbose_name='capacity'),
        ),
        migrations.AddField(
            model_name='backend',
            name='health',
            field=models.CharField(choices=[('unknown', 'Not checked'), ('healthy', 'Healthy'), ('unhealthy', 'Unhealthy')], default='unknown', editable=False, max_length=10, verbose_name='health'),
        ),
        migrations.AddField(
            model_name='backend',
            name='health_checked_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='health checked'),
        ),
        migrations.AddField(
            model_name='backend',
            name='health_detail',
            field=models.CharField(blank=True, editable=False, max_length=500, verbose_name='health detail'),
        ),
        migrations.AddField(
            model_name='backend',
            name='last_healthy_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='last healthy'),
        ),
        migrations.AddConstraint(
            model_name='backend',
            constraint=models.CheckConstraint(condition=models.Q(('health__in', ['unknown', 'healthy', 'unhealthy'])), name='backend_health_is_known'),
        ),
    ]
