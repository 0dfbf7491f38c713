import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

BATCH = 500


def name_makers(apps, schema_editor):
    """Take from the log who made each key. Most were made by their owners; of what the log has lost, nobody is named."""
    keys, events = apps.get_model("accounts", "ApiKey").objects, apps.get_model("audit", "AuditLog").objects
    users = apps.get_model("accounts", "User").objects
    if schema_editor.connection.vendor == "postgresql":
        # Rows whose new reference waits to be checked would keep its index from being made.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    made = events.filter(action="key_create", success=True, user_id__isnull=False).order_by("id")
    batch = []
    for maker, details in made.values_list("user_id", "details").iterator(chunk_size=BATCH):
        batch.append((maker, str(details.get("key", "")).removeprefix("rpt_")))
        if len(batch) == BATCH:
            store(keys, users, batch)
            batch = []
    store(keys, users, batch)


def store(keys, users, batch):
    known = set(users.filter(pk__in={maker for maker, _ in batch}).values_list("pk", flat=True))
    makers = {prefix: maker for maker, prefix in batch if maker in known}
    found = list(keys.filter(prefix__in=makers))
    for key in found:
        key.created_by_id = makers[key.prefix]
    keys.bulk_update(found, ["created_by"])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_squashed_0017"),
        ("audit", "0001_squashed_0012"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="created_keys",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(name_makers, migrations.RunPython.noop),
    ]
