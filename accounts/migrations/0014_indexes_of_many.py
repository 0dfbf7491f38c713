import django.db.models.functions.text
from django.db import migrations, models


def index_holders(apps, schema_editor):
    """On PostgreSQL, of a role's users in the order of the list; SQLite joins the other way round."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE INDEX user_roles_by_role ON user_roles (role_id, user_id)")


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX user_roles_by_role")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_user_days"),
    ]

    operations = [
        migrations.RunPython(index_holders, drop_index),
        migrations.RemoveIndex(
            model_name="user",
            name="user_locked",
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                models.OrderBy(django.db.models.functions.text.Lower("first_name"), descending=True),
                models.F("id"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="user_by_first_name_down",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                models.OrderBy(django.db.models.functions.text.Lower("last_name"), descending=True),
                models.F("id"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="user_by_last_name_down",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True), ("locked_at__isnull", False)),
                fields=["id"],
                name="user_by_lock",
            ),
        ),
    ]
