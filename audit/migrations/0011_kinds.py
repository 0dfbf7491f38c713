from django.db import migrations


def observe_kinds(apps, schema_editor):
    """How often actions, resources and outcomes go together, so that nobody takes them for independent."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE STATISTICS audit_kinds (mcv) ON action, resource, success FROM audit_logs")
        schema_editor.execute("ANALYZE audit_logs (action, resource, success)")


def forget_kinds(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP STATISTICS audit_kinds")


class Migration(migrations.Migration):
    dependencies = [("audit", "0010_block_times")]

    operations = [migrations.RunPython(observe_kinds, forget_kinds)]
