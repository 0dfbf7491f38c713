from django.db import migrations


def limit(apps, schema_editor):
    """New events wait on a list before they are sorted into the index of words, and each search reads all of it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER INDEX audit_words SET (gin_pending_list_limit = 512)")


def lift(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER INDEX audit_words RESET (gin_pending_list_limit)")


class Migration(migrations.Migration):
    """At most 512 KB of it, in place of 4 MB: 0.5 ms of a search, which takes 10 µs for each 8 KB."""

    dependencies = [("audit", "0011_kinds")]

    operations = [migrations.RunPython(limit, lift)]
