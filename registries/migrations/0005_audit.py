"""The windows of limits that hold over all processes."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registries', '0003_people'),
    ]

    operations = [
        migrations.CreateModel(
            name='ThrottleWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, unique=True, verbose_name='limit and caller')),
                ('number', models.BigIntegerField(verbose_name='window')),
                ('used_count', models.PositiveIntegerField(default=0, verbose_name='used')),
                ('updated_at', models.DateTimeField(db_index=True, verbose_name='updated')),
            ],
            options={
                'verbose_name': 'throttle window',
                'verbose_name_plural': 'throttle windows',
                'ordering': ('-updated_at',),
            },
        ),
    ]
