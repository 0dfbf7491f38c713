from django.db import migrations

# Every second pair from the first letter and from the second one, and each letter. What takes them apart, a control
# character, stands in no name. The cost keeps PostgreSQL from looking at users without the index; processes side by
# side would take longer to begin than such a search to end.
FUNCTION = r"""
    CREATE FUNCTION user_search_letters(text text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL RESTRICTED COST 1000 AS $$ BEGIN
        RETURN string_to_array(
            regexp_replace(text, '(..)', E'\\1\x01', 'g') || E'\x01' ||
            regexp_replace(substr(text, 2), '(..)', E'\\1\x01', 'g'), E'\x01'
        ) || string_to_array(text, NULL);
    END $$
"""


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION, None)
        schema_editor.execute("CREATE INDEX user_short_search ON users USING gin (user_search_letters(search_text))")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION user_search_letters(text) CASCADE")


class Migration(migrations.Migration):
    """An index for searches by one or two letters, which are whole names in Chinese; trigrams serve no such."""

    dependencies = [("accounts", "0015_keys_of_moments")]

    operations = [migrations.RunPython(create, drop)]
