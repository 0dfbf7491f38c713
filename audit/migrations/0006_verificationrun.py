"""What verifications of the audit log found."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0005_search_and_saved_filters"),
    ]

    operations = [
        migrations.CreateModel(
            name="VerificationRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                ("since", models.BigIntegerField(default=0)),
                ("size", models.BigIntegerField(default=0)),
                ("until", models.DateTimeField(null=True)),
                ("findings", models.JSONField(default=list)),
                ("warnings", models.JSONField(default=list)),
            ],
            options={
                "db_table": "audit_verification_runs",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
    ]
