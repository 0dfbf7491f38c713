"""Periods of accounts and of grants of roles: `user_roles` gets a model of its own, and who gave a role, when and why.

PostgreSQL's counters leave out accounts and grants that are recorded as not begun or ended.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

COUNTED = """
            SELECT 'existing' AS name, {sign} AS change FROM {rows} WHERE deleted_at IS NULL
            UNION ALL SELECT 'active', {sign} FROM {rows}
                WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL AND period_state = ''
            UNION ALL SELECT 'inactive', {sign} FROM {rows} WHERE deleted_at IS NULL AND NOT is_active
            UNION ALL SELECT 'locked', {sign} FROM {rows} WHERE deleted_at IS NULL AND locked_at IS NOT NULL
            UNION ALL SELECT period_state, {sign} FROM {rows} WHERE deleted_at IS NULL AND period_state <> ''
            UNION ALL SELECT 'service', {sign} FROM {rows} WHERE deleted_at IS NULL AND is_service
            UNION ALL SELECT 'invited', {sign} FROM {rows}
                WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL AND period_state = ''
                AND NOT is_service AND last_login IS NULL AND left(password_hash, 1) = '!'
            UNION ALL SELECT 'must_change_password', {sign} FROM {rows}
                WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL AND period_state = ''
                AND must_change_password
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
            OR OLD.period_state IS DISTINCT FROM NEW.period_state
            OR (OLD.last_login IS NULL) IS DISTINCT FROM (NEW.last_login IS NULL)
            OR left(OLD.password_hash, 1) IS DISTINCT FROM left(NEW.password_hash, 1)
            OR (OLD.factor_kinds = '') IS DISTINCT FROM (NEW.factor_kinds = '')
        )
        EXECUTE FUNCTION users_count_update()
"""
COUNTED_ROLES = "SELECT 'role ' || role_id AS name, {sign} AS change FROM {rows} WHERE NOT is_pending"
UPDATE_ROLES_TRIGGER = """
    CREATE TRIGGER user_roles_count_update AFTER UPDATE ON user_roles
        FOR EACH ROW WHEN (
            OLD.role_id IS DISTINCT FROM NEW.role_id OR OLD.is_pending IS DISTINCT FROM NEW.is_pending
        )
        EXECUTE FUNCTION user_roles_count_update()
"""
OLD, NEW = "(SELECT OLD.*) AS image", "(SELECT NEW.*) AS image"
#: Lists of a role's users read the periods from the index alone.
INDEXES = (
    "DROP INDEX user_roles_by_role",
    "CREATE INDEX user_roles_by_role ON user_roles (role_id, user_id) INCLUDE (starts_at, ends_at)",
)


#: As they were without periods, for a migration back: columns that go take their triggers along.
COUNTED_BEFORE = COUNTED.replace(" AND period_state = ''", "").replace(
    "            UNION ALL SELECT period_state, {sign} FROM {rows} WHERE deleted_at IS NULL AND period_state <> ''\n",
    "",
)
COUNTED_ROLES_BEFORE = COUNTED_ROLES.removesuffix(" WHERE NOT is_pending")
UPDATE_TRIGGER_BEFORE = UPDATE_TRIGGER.replace(
    "            OR OLD.period_state IS DISTINCT FROM NEW.period_state\n", ""
)
INDEXES_BEFORE = (
    "DROP INDEX user_roles_by_role",
    "CREATE INDEX user_roles_by_role ON user_roles (role_id, user_id)",
)


def replace_functions(schema_editor, of_users, of_roles):
    for table, counted in (("users", of_users), ("user_roles", of_roles)):
        before, after = counted.format(sign=-1, rows=OLD), counted.format(sign=1, rows=NEW)
        bodies = {
            "insert": counted.format(sign=1, rows="changed"),
            "delete": counted.format(sign=-1, rows="changed"),
            "update": f"{before} UNION ALL {after}",
        }
        for verb, body in bodies.items():
            schema_editor.execute(FUNCTION.format(name=f"{table}_count_{verb}", counted=body))
    schema_editor.execute("DROP TRIGGER users_count_update ON users")


def count(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    replace_functions(schema_editor, COUNTED, COUNTED_ROLES)
    for statement in (UPDATE_TRIGGER, UPDATE_ROLES_TRIGGER, *INDEXES):
        schema_editor.execute(statement)


def uncount(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    replace_functions(schema_editor, COUNTED_BEFORE, COUNTED_ROLES_BEFORE)
    schema_editor.execute("DROP TRIGGER user_roles_count_update ON user_roles")
    for statement in (UPDATE_TRIGGER_BEFORE, *INDEXES_BEFORE):
        schema_editor.execute(statement)


EXISTING = Q(("deleted_at__isnull", True))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0026_attention_indexes")]

    operations = [
        # The table is there: only Django didn't have a model of it.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="user", name="roles"),
                migrations.CreateModel(
                    name="RoleGrant",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="role_grants",
                                to="accounts.user",
                            ),
                        ),
                        (
                            "role",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="user_grants",
                                to="accounts.role",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "user_roles",
                        "default_permissions": (),
                        "unique_together": {("user", "role")},
                    },
                ),
            ]
        ),
        migrations.AlterUniqueTogether(name="rolegrant", unique_together=set()),
        migrations.AddField("rolegrant", "starts_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("rolegrant", "ends_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "rolegrant",
            "granted_by",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.user",
            ),
        ),
        migrations.AddField("rolegrant", "granted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "rolegrant", "reason", models.CharField(blank=True, db_default="", default="", max_length=500)
        ),
        migrations.AddField("rolegrant", "is_pending", models.BooleanField(db_default=False, default=False)),
        migrations.AlterModelOptions(
            name="rolegrant",
            options={
                "default_permissions": (),
                "ordering": ("role__position", "role__name", "starts_at", "id"),
            },
        ),
        migrations.AddConstraint(
            "rolegrant",
            models.CheckConstraint(condition=Q(("ends_at__gt", F("starts_at"))), name="role_grant_ends_after_start"),
        ),
        migrations.AddConstraint(
            "rolegrant",
            models.UniqueConstraint(
                condition=Q(("ends_at__isnull", True), ("starts_at__isnull", True)),
                fields=("user", "role"),
                name="role_grant_open_unique",
            ),
        ),
        migrations.AddIndex("rolegrant", models.Index(fields=["user", "role"], name="role_grant_user_role")),
        migrations.AddIndex(
            "rolegrant",
            models.Index(condition=Q(("is_pending", True)), fields=["starts_at"], name="role_grant_pending"),
        ),
        migrations.AddIndex(
            "rolegrant",
            models.Index(condition=Q(("ends_at__isnull", False)), fields=["ends_at"], name="role_grant_ends_at"),
        ),
        migrations.AddField("user", "starts_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddField("user", "ends_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddField(
            "user",
            "period_state",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=8),
        ),
        migrations.AddConstraint(
            "user",
            models.CheckConstraint(condition=Q(("ends_at__gt", F("starts_at"))), name="user_ends_after_start"),
        ),
        migrations.AddIndex(
            "user",
            models.Index(
                condition=EXISTING & Q(("period_state", "pending")), fields=["starts_at", "id"], name="user_pending"
            ),
        ),
        migrations.AddIndex(
            "user",
            models.Index(
                condition=EXISTING & Q(("ends_at__isnull", False)) & ~Q(("period_state", "ended")),
                fields=["ends_at", "id"],
                name="user_unended",
            ),
        ),
        migrations.AddIndex(
            "user",
            models.Index(condition=EXISTING & Q(("period_state", "ended")), fields=["id"], name="user_ended"),
        ),
        migrations.RunPython(count, uncount),
    ]
