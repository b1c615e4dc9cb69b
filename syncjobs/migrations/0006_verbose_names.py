"""Every field that staff sees has a name that is translated; the tables stay as they are."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncjobs', '0005_outcome_by_digest'),
    ]

    operations = [
        migrations.AlterField(
            model_name='execution',
            name='bytes_copied',
            field=models.PositiveBigIntegerField(default=0, verbose_name='bytes copied'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='copied_count',
            field=models.PositiveIntegerField(default=0, verbose_name='copied'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='deleted_count',
            field=models.PositiveIntegerField(default=0, verbose_name='deleted'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='failed_count',
            field=models.PositiveIntegerField(default=0, verbose_name='failed'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='failed_repository_count',
            field=models.PositiveIntegerField(default=0, verbose_name='repositories failed'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='skipped_count',
            field=models.PositiveIntegerField(default=0, verbose_name='skipped'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='succeeded_repository_count',
            field=models.PositiveIntegerField(default=0, verbose_name='repositories succeeded'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='up_to_date_count',
            field=models.PositiveIntegerField(default=0, verbose_name='up to date'),
        ),
        migrations.AlterField(
            model_name='job',
            name='bytes_copied',
            field=models.PositiveBigIntegerField(default=0, verbose_name='bytes copied'),
        ),
        migrations.AlterField(
            model_name='job',
            name='copied_count',
            field=models.PositiveIntegerField(default=0, verbose_name='copied'),
        ),
        migrations.AlterField(
            model_name='job',
            name='deleted_count',
            field=models.PositiveIntegerField(default=0, verbose_name='deleted'),
        ),
        migrations.AlterField(
            model_name='job',
            name='failed_count',
            field=models.PositiveIntegerField(default=0, verbose_name='failed'),
        ),
        migrations.AlterField(
            model_name='job',
            name='findings',
            field=models.JSONField(default=dict, help_text='What it found out beside tags, by name: counts and bytes.', verbose_name='findings'),
        ),
        migrations.AlterField(
            model_name='job',
            name='lease_token',
            field=models.CharField(blank=True, max_length=32, verbose_name='lease token'),
        ),
        migrations.AlterField(
            model_name='job',
            name='lease_until',
            field=models.DateTimeField(null=True, verbose_name='leased until'),
        ),
        migrations.AlterField(
            model_name='job',
            name='progress',
            field=models.JSONField(default=dict, verbose_name='progress'),
        ),
        migrations.AlterField(
            model_name='job',
            name='reason_side',
            field=models.CharField(blank=True, max_length=6, verbose_name='side'),
        ),
        migrations.AlterField(
            model_name='job',
            name='skipped_count',
            field=models.PositiveIntegerField(default=0, verbose_name='skipped'),
        ),
        migrations.AlterField(
            model_name='job',
            name='up_to_date_count',
            field=models.PositiveIntegerField(default=0, verbose_name='up to date'),
        ),
        migrations.AlterField(
            model_name='outcome',
            name='execution',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='syncjobs.execution', verbose_name='execution'),
        ),
        migrations.AlterField(
            model_name='outcome',
            name='is_retryable',
            field=models.BooleanField(default=False, verbose_name='can be retried'),
        ),
        migrations.AlterField(
            model_name='outcome',
            name='job',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='syncjobs.job', verbose_name='job'),
        ),
        migrations.AlterField(
            model_name='outcome',
            name='reason_side',
            field=models.CharField(blank=True, max_length=6, verbose_name='side'),
        ),
    ]
