"""All tables of the audit log as they were after 0012, and what Django has no operation for as the SQL text of then.

A database that has 0001 to 0012 has this too (`replaces`); one that stopped between them is refused before anything is
changed (`reprotech.migration_history`).
"""

import django.core.serializers.json
import django.db.models.functions.text
import django.utils.timezone
from django.db import migrations, models

TABLES = ("audit_logs", "audit_leaves", "audit_nodes", "audit_keys", "audit_checkpoints")

# The log is append-only, also to migrations, the admin and SQL by hand.
POSTGRESQL = (
    """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('reprotech.audit_upkeep', true) = 'on' THEN
        IF TG_OP = 'TRUNCATE' THEN
            RETURN NULL;
        ELSIF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only. % of % is refused.', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
""",
    *(
        f"CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()"
        for table in TABLES
    ),
    *(
        f"CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()"
        for table in TABLES
    ),
    # Which transaction wrote each row: by it the sealer finds new ones.
    "ALTER TABLE audit_logs ADD COLUMN transaction_id bigint",
    "ALTER TABLE audit_logs ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id()::text::bigint",
    "CREATE INDEX audit_transaction ON audit_logs (transaction_id)",
    # Searches by words. New events wait on a list before they are sorted into the index, and each search reads all of
    # it: at most 512 KB, in place of 4 MB.
    """
    CREATE INDEX audit_words ON audit_logs USING gin (to_tsvector('simple', regexp_replace(
        username::text || ' ' || resource_name::text || ' ' || details::text, '[^[:alnum:]]+', ' ', 'g'
    ))) WITH (gin_pending_list_limit = 512)
    """,
    # How often actions, resources and outcomes go together, so that the planner doesn't take them for independent.
    "CREATE STATISTICS audit_kinds (mcv) ON action, resource, success FROM audit_logs",
)
SQLITE = tuple(
    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, 'The audit log is append-only. {verb} of {table} is refused.'); END"
    for table in TABLES
    for verb in ("UPDATE", "DELETE")
)


def create(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, None)


def drop(apps, schema_editor):
    """SQLite drops triggers with their tables."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION audit_refuse_change() CASCADE")


class Migration(migrations.Migration):
    replaces = [
        ("audit", "0001_initial"),
        ("audit", "0002_request_session_and_resource_indexes"),
        ("audit", "0003_seal"),
        ("audit", "0004_keys_anchors_and_upkeep"),
        ("audit", "0005_search_and_saved_filters"),
        ("audit", "0006_verificationrun"),
        ("audit", "0007_key_and_factor_actions"),
        ("audit", "0008_blocks"),
        ("audit", "0009_daily_counts"),
        ("audit", "0010_block_times"),
        ("audit", "0011_kinds"),
        ("audit", "0012_short_waiting_list"),
    ]

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Anchor",
            fields=[
                ("channel", models.CharField(max_length=8, primary_key=True, serialize=False)),
                ("size", models.BigIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                ("busy_until", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "audit_anchors",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Block",
            fields=[
                ("block", models.BigIntegerField(primary_key=True, serialize=False)),
                ("events", models.BigIntegerField()),
                ("first_at", models.DateTimeField(null=True)),
                ("last_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "audit_blocks",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("sealed_at", models.DateTimeField(db_index=True)),
                ("note", models.TextField()),
            ],
            options={
                "db_table": "audit_checkpoints",
                "ordering": ("size",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.BigIntegerField(unique=True)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "db_table": "audit_leaves",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Node",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level", "index", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("level", models.PositiveSmallIntegerField()),
                ("index", models.BigIntegerField()),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "db_table": "audit_nodes",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("public_key", models.BinaryField(max_length=32)),
                ("statement", models.TextField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "audit_keys",
                "ordering": ("id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="VerificationRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                ("since", models.BigIntegerField(default=0)),
                ("size", models.BigIntegerField(default=0)),
                ("until", models.DateTimeField(null=True)),
                ("findings", models.JSONField(default=list)),
                ("warnings", models.JSONField(default=list)),
            ],
            options={
                "db_table": "audit_verification_runs",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AuditLog",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("timestamp", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("user_id", models.BigIntegerField(blank=True, null=True)),
                ("username", models.CharField(blank=True, max_length=254)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("login", "Login"),
                            ("logout", "Logout"),
                            ("token_refresh", "Token Refresh"),
                            ("session_revoke", "Session Revoke"),
                            ("create", "Create"),
                            ("update", "Update"),
                            ("delete", "Delete"),
                            ("password_change", "Password Change"),
                            ("password_reset", "Password Reset"),
                            ("lock", "Lock"),
                            ("unlock", "Unlock"),
                            ("role_assign", "Role Assign"),
                            ("role_revoke", "Role Revoke"),
                            ("export", "Export"),
                            ("access_denied", "Access Denied"),
                            ("key_rotate", "Key Rotate"),
                            ("erase", "Erase"),
                            ("archive", "Archive"),
                            ("key_create", "Key Create"),
                            ("key_revoke", "Key Revoke"),
                            ("factor_add", "Factor Add"),
                            ("factor_remove", "Factor Remove"),
                            ("factor_reset", "Factor Reset"),
                            ("recovery_code_used", "Recovery Code Used"),
                            ("recovery_codes_renewed", "Recovery Codes Renewed"),
                        ],
                        max_length=32,
                    ),
                ),
                ("resource", models.CharField(max_length=32)),
                ("resource_id", models.CharField(blank=True, max_length=64)),
                ("resource_name", models.CharField(blank=True, max_length=254)),
                ("success", models.BooleanField(default=True)),
                ("ip_address", models.GenericIPAddressField(blank=True, null=True)),
                ("user_agent", models.CharField(blank=True, max_length=512)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("session_id", models.UUIDField(blank=True, null=True)),
                (
                    "details",
                    models.JSONField(blank=True, default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
                ),
                ("version", models.PositiveSmallIntegerField(default=1, editable=False)),
                ("actor_opening", models.BinaryField(max_length=32)),
                ("subject_opening", models.BinaryField(max_length=32)),
                ("authentication", models.BinaryField(max_length=32)),
            ],
            options={
                "verbose_name": "audit event",
                "db_table": "audit_logs",
                "ordering": ("-id",),
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["timestamp", "id"], name="audit_timestamp"),
                    models.Index(fields=["user_id", "-id"], name="audit_user_id"),
                    models.Index(
                        django.db.models.functions.text.Lower("username"),
                        models.OrderBy(models.F("id"), descending=True),
                        name="audit_username",
                    ),
                    models.Index(fields=["action", "-id"], name="audit_action"),
                    models.Index(fields=["resource", "resource_id", "-id"], name="audit_resource"),
                    models.Index(fields=["ip_address", "-id"], name="audit_ip_address"),
                    models.Index(fields=["success", "-id"], name="audit_success"),
                    models.Index(fields=["request_id"], name="audit_request_id"),
                    models.Index(fields=["action", "timestamp"], name="audit_action_timestamp"),
                    models.Index(
                        condition=models.Q(("session_id__isnull", False)),
                        fields=["session_id", "-id"],
                        name="audit_session_id",
                    ),
                    models.Index(
                        condition=models.Q(("resource_id__gt", "")),
                        fields=["resource_id", "-id"],
                        name="audit_resource_id",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("action", models.CharField(max_length=32)),
                ("success", models.BooleanField()),
                ("events", models.BigIntegerField()),
            ],
            options={
                "db_table": "audit_daily_counts",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("action", "day", "success"), name="audit_daily_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=50)),
                ("query", models.CharField(max_length=2000)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "audit_saved_filters",
                "ordering": ("name",),
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("user_id"),
                        django.db.models.functions.text.Lower("name"),
                        name="audit_saved_filter_unique",
                    )
                ],
            },
        ),
        migrations.RunPython(create, drop),
    ]
