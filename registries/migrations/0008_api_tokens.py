"""API tokens, and what the REST API answered under idempotency keys."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registries', '0007_platform'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_id', models.CharField(max_length=20, unique=True, verbose_name='token ID')),
                ('description', models.CharField(blank=True, max_length=255, verbose_name='description')),
                ('scope', models.CharField(choices=[('read', 'Read'), ('operate', 'Operate'), ('admin', 'Administer')], max_length=10, verbose_name='scope')),
                ('secret_fingerprint', models.CharField(editable=False, max_length=200)),
                ('sealed_secret_digest', models.TextField(editable=False)),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'API token',
                'verbose_name_plural': 'API tokens',
                'ordering': ('-created_at', '-id'),
                'constraints': [models.CheckConstraint(condition=models.Q(('scope__in', ['read', 'operate', 'admin'])), name='api_token_scope_is_known')],
            },
        ),
        migrations.CreateModel(
            name='StoredAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200, verbose_name='key')),
                ('request_digest', models.CharField(max_length=64, verbose_name='digest of the request')),
                ('status', models.PositiveSmallIntegerField(default=0, verbose_name='status')),
                ('body', models.JSONField(default=dict, verbose_name='body')),
                ('created_at', models.DateTimeField(db_index=True, verbose_name='created')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'stored answer',
                'verbose_name_plural': 'stored answers',
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='one_stored_answer_per_key')],
            },
        ),
    ]
