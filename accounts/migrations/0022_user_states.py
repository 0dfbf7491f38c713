"""Since when people are invited, and how many of them there are; how many have a second factor or must change a password."""

from django.db import migrations, models
from django.db.models import Q

COUNTED = """
            SELECT 'existing' AS name, {sign} AS change FROM {rows} WHERE deleted_at IS NULL
            UNION ALL SELECT 'active', {sign} FROM {rows} WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
            UNION ALL SELECT 'inactive', {sign} FROM {rows} WHERE deleted_at IS NULL AND NOT is_active
            UNION ALL SELECT 'locked', {sign} FROM {rows} WHERE deleted_at IS NULL AND locked_at IS NOT NULL
            UNION ALL SELECT 'service', {sign} FROM {rows} WHERE deleted_at IS NULL AND is_service
            UNION ALL SELECT 'invited', {sign} FROM {rows} WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
                AND NOT is_service AND last_login IS NULL AND left(password_hash, 1) = '!'
            UNION ALL SELECT 'must_change_password', {sign} FROM {rows}
                WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL AND must_change_password
            UNION ALL SELECT 'with_factor', {sign} FROM {rows}
                WHERE deleted_at IS NULL AND NOT is_service AND factor_kinds <> ''
"""
FUNCTION = """
    CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_counts (name, change)
        SELECT name, sum(change) FROM ({counted}) AS changes GROUP BY name HAVING sum(change) <> 0;
        RETURN NULL;
    END $$
"""
UPDATE_TRIGGER = """
    CREATE TRIGGER users_count_update AFTER UPDATE ON users
        FOR EACH ROW WHEN (
            OLD.is_active IS DISTINCT FROM NEW.is_active
            OR OLD.locked_at IS DISTINCT FROM NEW.locked_at
            OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at
            OR OLD.is_service IS DISTINCT FROM NEW.is_service
            OR OLD.must_change_password IS DISTINCT FROM NEW.must_change_password
            OR (OLD.last_login IS NULL) IS DISTINCT FROM (NEW.last_login IS NULL)
            OR left(OLD.password_hash, 1) IS DISTINCT FROM left(NEW.password_hash, 1)
            OR (OLD.factor_kinds = '') IS DISTINCT FROM (NEW.factor_kinds = '')
        )
        EXECUTE FUNCTION users_count_update()
"""
#: After a migration back, which leaves the triggers, they are there already.
DROP_NEW_COUNTS = "DELETE FROM user_counts WHERE name IN ('invited', 'must_change_password', 'with_factor')"
#: Of those that were not counted before. The new trigger's lock keeps others from changing users until this commits.
ADD_NEW_COUNTS = """
    INSERT INTO user_counts (name, change)
    SELECT name, sum(change) FROM ({counted}) AS changes
    WHERE name IN ('invited', 'must_change_password', 'with_factor') GROUP BY name
"""
OLD, NEW = "(SELECT OLD.*) AS image", "(SELECT NEW.*) AS image"
#: Who never had a password was invited when the account was made; a link since then made that one void.
FILL = """
    UPDATE users SET invited_at = created_at
    WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL AND NOT is_service AND last_login IS NULL
        AND substr(password_hash, 1, 1) = '!' AND link_number = 0
"""


def count(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    bodies = {
        "users_count_insert": COUNTED.format(sign=1, rows="changed"),
        "users_count_delete": COUNTED.format(sign=-1, rows="changed"),
        "users_count_update": COUNTED.format(sign=-1, rows=OLD) + " UNION ALL " + COUNTED.format(sign=1, rows=NEW),
    }
    for name, counted in bodies.items():
        schema_editor.execute(FUNCTION.format(name=name, counted=counted))
    schema_editor.execute("DROP TRIGGER users_count_update ON users")
    schema_editor.execute(UPDATE_TRIGGER)
    schema_editor.execute(DROP_NEW_COUNTS)
    schema_editor.execute(ADD_NEW_COUNTS.format(counted=COUNTED.format(sign=1, rows="users")))


def fill(apps, schema_editor):
    schema_editor.execute(FILL)


EXISTING = Q(("deleted_at__isnull", True))
CAN_SIGN_IN = EXISTING & Q(("is_active", True), ("locked_at__isnull", True))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0021_preferences")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="invited_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=CAN_SIGN_IN
                & Q(("is_service", False), ("last_login__isnull", True), ("password__startswith", "!")),
                fields=["id"],
                name="user_invited",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=CAN_SIGN_IN & Q(("must_change_password", True)),
                fields=["id"],
                name="user_must_change_password",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=EXISTING & Q(("is_service", False)) & ~Q(("factor_kinds", "")),
                fields=["id"],
                name="user_with_factor",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=EXISTING & Q(("factor_kinds", ""), ("is_service", False)),
                fields=["id"],
                name="user_without_factor",
            ),
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
