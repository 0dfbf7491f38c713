from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0019_review_actions")]

    operations = [
        migrations.CreateModel(
            name="ServerConfiguration",
            fields=[
                ("instance", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("state", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("previous_digest", models.CharField(blank=True, max_length=64)),
                ("started_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("event_id", models.BigIntegerField()),
            ],
            options={
                "db_table": "server_configurations",
                "ordering": ("-changed_at", "-started_at"),
                "default_permissions": (),
            },
        ),
    ]
