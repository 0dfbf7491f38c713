from django.db import migrations, models

from accounts import places


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in places.install():
            schema_editor.execute(statement, None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in places.remove():
            schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    """Signposts in the sorted lists of users, and the moves since; the server puts them up when it runs."""

    dependencies = [("accounts", "0008_user_counts")]

    operations = [
        migrations.CreateModel(
            name="UserMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sort", models.CharField(max_length=20)),
                ("change", models.SmallIntegerField()),
                ("user_id", models.BigIntegerField()),
                ("key", models.TextField(null=True)),
            ],
            options={
                "db_table": "user_moves",
                "default_permissions": (),
                "indexes": [models.Index(fields=["sort"], name="user_move_sort")],
            },
        ),
        migrations.CreateModel(
            name="UserSignpost",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sort", models.CharField(max_length=20)),
                ("position", models.BigIntegerField()),
                ("user_id", models.BigIntegerField()),
                ("key", models.TextField(null=True)),
            ],
            options={
                "db_table": "user_signposts",
                "default_permissions": (),
                "indexes": [models.Index(fields=["sort", "position"], name="user_signpost")],
            },
        ),
        migrations.RunPython(install, remove),
    ]
