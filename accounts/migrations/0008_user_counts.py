from django.db import migrations, models

from accounts import counts


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in counts.install():
            schema_editor.execute(statement, None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in counts.remove():
            schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    """Numbers of users, kept by triggers."""

    dependencies = [("accounts", "0007_api_keys")]

    operations = [
        migrations.CreateModel(
            name="UserCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("change", models.BigIntegerField()),
            ],
            options={"db_table": "user_counts", "default_permissions": ()},
        ),
        migrations.RunPython(install, remove),
    ]
