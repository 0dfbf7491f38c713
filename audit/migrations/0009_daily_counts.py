from datetime import UTC

from django.db import migrations, models
from django.db.models.functions import TruncDate


def count_sealed(apps, schema_editor):
    AuditLog, Leaf = apps.get_model("audit", "AuditLog"), apps.get_model("audit", "Leaf")
    DailyCount = apps.get_model("audit", "DailyCount")
    is_sealed = models.Exists(Leaf._base_manager.filter(event_id=models.OuterRef("pk")))
    days = AuditLog._base_manager.filter(is_sealed).order_by().annotate(day=TruncDate("timestamp", tzinfo=UTC))
    counted = days.values("day", "action", "success").annotate(events=models.Count("pk"))
    DailyCount._base_manager.bulk_create([DailyCount(**row) for row in counted.iterator()], 500)


class Migration(migrations.Migration):
    """How many events of each kind every day had."""

    dependencies = [("audit", "0008_blocks")]

    operations = [
        migrations.CreateModel(
            name="DailyCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("action", models.CharField(max_length=32)),
                ("success", models.BooleanField()),
                ("events", models.BigIntegerField()),
            ],
            options={
                "db_table": "audit_daily_counts",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("action", "day", "success"), name="audit_daily_unique")
                ],
            },
        ),
        migrations.RunPython(count_sealed, migrations.RunPython.noop),
    ]
