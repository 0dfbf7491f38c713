from django.db import migrations

from accounts import places


def install_anew(apps, schema_editor):
    """Have moments written as the signposts compare them now; the server puts signposts up anew."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in (*places.remove(), *places.install()):
            schema_editor.execute(statement, None)
        schema_editor.execute("DELETE FROM user_signposts")
        schema_editor.execute("DELETE FROM user_moves")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_indexes_of_many")]

    operations = [migrations.RunPython(install_anew, install_anew)]
