"""All tables of accounts as they were after 0017, and what Django has no operation for as the SQL text of then.

A database that has 0001 to 0017 has this too (`replaces`); one that stopped between them is refused before anything is
changed (`reprotech.migration_history`).
"""

import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# What SQLite has no word for: trigrams, sorting empty values last by an index, a role's users in the order of the list.
INDEXES = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    # Every second pair from the first letter and from the second one, and each letter, for searches by one or two
    # letters, which are whole names in Chinese. What takes them apart, a control character, stands in no name. The cost
    # keeps PostgreSQL from looking at users without the index; processes side by side would take longer to begin than
    # such a search to end.
    r"""
    CREATE FUNCTION user_search_letters(text text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL RESTRICTED COST 1000 AS $$ BEGIN
        RETURN string_to_array(
            regexp_replace(text, '(..)', E'\\1\x01', 'g') || E'\x01' ||
            regexp_replace(substr(text, 2), '(..)', E'\\1\x01', 'g'), E'\x01'
        ) || string_to_array(text, NULL);
    END $$
""",
    # What was written waits on a list before it is sorted into an index, and each search reads all of it: at most
    # 256 KB, in place of 4 MB.
    "CREATE INDEX user_search ON users USING gin (search_text gin_trgm_ops) WITH (gin_pending_list_limit = 256)",
    """
    CREATE INDEX user_short_search ON users USING gin (user_search_letters(search_text))
    WITH (gin_pending_list_limit = 256)
    """,
    "CREATE INDEX user_by_last_login ON users (last_login ASC NULLS LAST, id) WHERE deleted_at IS NULL",
    "CREATE INDEX user_by_recent_login ON users (last_login DESC NULLS LAST, id) WHERE deleted_at IS NULL",
    "CREATE INDEX user_roles_by_role ON user_roles (role_id, user_id)",
)

# How many users there are, by kind and role.
COUNTS = (
    """
    CREATE FUNCTION users_count_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_counts (name, change)
        SELECT name, sum(change) FROM (
            SELECT 'existing' AS name, 1 AS change FROM changed WHERE deleted_at IS NULL
            UNION ALL SELECT 'active', 1 FROM changed WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
            UNION ALL SELECT 'inactive', 1 FROM changed WHERE deleted_at IS NULL AND NOT is_active
            UNION ALL SELECT 'locked', 1 FROM changed WHERE deleted_at IS NULL AND locked_at IS NOT NULL
            UNION ALL SELECT 'service', 1 FROM changed WHERE deleted_at IS NULL AND is_service
        ) AS changes GROUP BY name HAVING sum(change) <> 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_count_insert AFTER INSERT ON users
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
        EXECUTE FUNCTION users_count_insert()
    """,
    """
    CREATE FUNCTION users_count_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_counts (name, change)
        SELECT name, sum(change) FROM (
            SELECT 'existing' AS name, -1 AS change FROM changed WHERE deleted_at IS NULL
            UNION ALL SELECT 'active', -1 FROM changed WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
            UNION ALL SELECT 'inactive', -1 FROM changed WHERE deleted_at IS NULL AND NOT is_active
            UNION ALL SELECT 'locked', -1 FROM changed WHERE deleted_at IS NULL AND locked_at IS NOT NULL
            UNION ALL SELECT 'service', -1 FROM changed WHERE deleted_at IS NULL AND is_service
        ) AS changes GROUP BY name HAVING sum(change) <> 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_count_delete AFTER DELETE ON users
        REFERENCING OLD TABLE AS changed FOR EACH STATEMENT
        EXECUTE FUNCTION users_count_delete()
    """,
    """
    CREATE FUNCTION user_roles_count_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_counts (name, change)
        SELECT name, sum(change) FROM (SELECT 'role ' || role_id AS name, 1 AS change FROM changed) AS changes GROUP BY name HAVING sum(change) <> 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER user_roles_count_insert AFTER INSERT ON user_roles
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
        EXECUTE FUNCTION user_roles_count_insert()
    """,
    """
    CREATE FUNCTION user_roles_count_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_counts (name, change)
        SELECT name, sum(change) FROM (SELECT 'role ' || role_id AS name, -1 AS change FROM changed) AS changes GROUP BY name HAVING sum(change) <> 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER user_roles_count_delete AFTER DELETE ON user_roles
        REFERENCING OLD TABLE AS changed FOR EACH STATEMENT
        EXECUTE FUNCTION user_roles_count_delete()
    """,
    """
    CREATE FUNCTION users_count_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_counts (name, change)
        SELECT name, sum(change) FROM (
            SELECT 'existing' AS name, -1 AS change FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL
            UNION ALL SELECT 'active', -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
            UNION ALL SELECT 'inactive', -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL AND NOT is_active
            UNION ALL SELECT 'locked', -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL AND locked_at IS NOT NULL
            UNION ALL SELECT 'service', -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL AND is_service
            UNION ALL SELECT 'existing' AS name, 1 AS change FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL
            UNION ALL SELECT 'active', 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
            UNION ALL SELECT 'inactive', 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL AND NOT is_active
            UNION ALL SELECT 'locked', 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL AND locked_at IS NOT NULL
            UNION ALL SELECT 'service', 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL AND is_service
        ) AS changes GROUP BY name HAVING sum(change) <> 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_count_update AFTER UPDATE ON users
        FOR EACH ROW WHEN (
            OLD.is_active IS DISTINCT FROM NEW.is_active
            OR OLD.locked_at IS DISTINCT FROM NEW.locked_at
            OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at
            OR OLD.is_service IS DISTINCT FROM NEW.is_service
        )
        EXECUTE FUNCTION users_count_update()
    """,
)

# Who left which place in which order of the list of users, or came to it.
PAGE_INDEX = (
    """
    CREATE FUNCTION users_place_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (OLD.id IS DISTINCT FROM NEW.id OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'id', -1, image.id, image.id::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'id', 1, image.id, image.id::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        IF (lower(OLD.username) IS DISTINCT FROM lower(NEW.username) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'username', -1, image.id, lower(image.username)::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'username', 1, image.id, lower(image.username)::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        IF (lower(OLD.email) IS DISTINCT FROM lower(NEW.email) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'email', -1, image.id, lower(image.email)::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'email', 1, image.id, lower(image.email)::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        IF (lower(OLD.first_name) IS DISTINCT FROM lower(NEW.first_name) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'first_name', -1, image.id, lower(image.first_name)::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'first_name', 1, image.id, lower(image.first_name)::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        IF (lower(OLD.last_name) IS DISTINCT FROM lower(NEW.last_name) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'last_name', -1, image.id, lower(image.last_name)::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'last_name', 1, image.id, lower(image.last_name)::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        IF (OLD.is_active IS DISTINCT FROM NEW.is_active OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'is_active', -1, image.id, image.is_active::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'is_active', 1, image.id, image.is_active::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        IF (OLD.last_login IS DISTINCT FROM NEW.last_login OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'last_login', -1, image.id, to_char(image.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'last_login', 1, image.id, to_char(image.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        IF (OLD.created_at IS DISTINCT FROM NEW.created_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'created_at', -1, image.id, to_char(image.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'created_at', 1, image.id, to_char(image.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        IF (OLD.updated_at IS DISTINCT FROM NEW.updated_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'updated_at', -1, image.id, to_char(image.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'updated_at', 1, image.id, to_char(image.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_place_update AFTER UPDATE ON users
        FOR EACH ROW WHEN (
            (OLD.id IS DISTINCT FROM NEW.id OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
            OR (lower(OLD.username) IS DISTINCT FROM lower(NEW.username) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
            OR (lower(OLD.email) IS DISTINCT FROM lower(NEW.email) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
            OR (lower(OLD.first_name) IS DISTINCT FROM lower(NEW.first_name) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
            OR (lower(OLD.last_name) IS DISTINCT FROM lower(NEW.last_name) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
            OR (OLD.is_active IS DISTINCT FROM NEW.is_active OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
            OR (OLD.last_login IS DISTINCT FROM NEW.last_login OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
            OR (OLD.created_at IS DISTINCT FROM NEW.created_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
            OR (OLD.updated_at IS DISTINCT FROM NEW.updated_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
        )
        EXECUTE FUNCTION users_place_update()
    """,
    """
    CREATE FUNCTION users_place_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM touched) > 1000 THEN
            PERFORM pg_advisory_xact_lock(1366192215);
            DELETE FROM user_signposts;
            DELETE FROM user_moves;
        ELSE
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'id', 1, image.id, image.id::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'username', 1, image.id, lower(image.username)::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'email', 1, image.id, lower(image.email)::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'first_name', 1, image.id, lower(image.first_name)::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'last_name', 1, image.id, lower(image.last_name)::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'is_active', 1, image.id, image.is_active::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'last_login', 1, image.id, to_char(image.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'created_at', 1, image.id, to_char(image.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'updated_at', 1, image.id, to_char(image.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_place_insert AFTER INSERT ON users
        REFERENCING NEW TABLE AS touched FOR EACH STATEMENT
        EXECUTE FUNCTION users_place_insert()
    """,
    """
    CREATE FUNCTION users_place_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM touched) > 1000 THEN
            PERFORM pg_advisory_xact_lock(1366192215);
            DELETE FROM user_signposts;
            DELETE FROM user_moves;
        ELSE
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'id', -1, image.id, image.id::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'username', -1, image.id, lower(image.username)::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'email', -1, image.id, lower(image.email)::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'first_name', -1, image.id, lower(image.first_name)::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'last_name', -1, image.id, lower(image.last_name)::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'is_active', -1, image.id, image.is_active::text FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'last_login', -1, image.id, to_char(image.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'created_at', -1, image.id, to_char(image.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL;
            INSERT INTO user_moves (sort, change, user_id, key)
            SELECT 'updated_at', -1, image.id, to_char(image.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_place_delete AFTER DELETE ON users
        REFERENCING OLD TABLE AS touched FOR EACH STATEMENT
        EXECUTE FUNCTION users_place_delete()
    """,
)

# How many users came and went each day.
DAILY_COUNTS = (
    """
    CREATE FUNCTION users_day_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_days (day, created, deleted)
        SELECT day, sum(created), sum(deleted) FROM (
            SELECT (created_at AT TIME ZONE 'UTC')::date AS day, 1 AS created, 0 AS deleted FROM changed
            UNION ALL SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, 1 FROM changed WHERE deleted_at IS NOT NULL
        ) AS changes GROUP BY day;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_day_insert AFTER INSERT ON users
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
        EXECUTE FUNCTION users_day_insert()
    """,
    """
    CREATE FUNCTION users_day_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_days (day, created, deleted)
        SELECT day, sum(created), sum(deleted) FROM (
            SELECT (created_at AT TIME ZONE 'UTC')::date AS day, -1 AS created, 0 AS deleted FROM changed
            UNION ALL SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, -1 FROM changed WHERE deleted_at IS NOT NULL
        ) AS changes GROUP BY day;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_day_delete AFTER DELETE ON users
        REFERENCING OLD TABLE AS changed FOR EACH STATEMENT
        EXECUTE FUNCTION users_day_delete()
    """,
    """
    CREATE FUNCTION users_day_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO user_days (day, created, deleted)
        SELECT day, sum(created), sum(deleted) FROM (
            SELECT (created_at AT TIME ZONE 'UTC')::date AS day, -1 AS created, 0 AS deleted FROM (SELECT OLD.*) AS image
            UNION ALL SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NOT NULL
        ) AS changes GROUP BY day;
        INSERT INTO user_days (day, created, deleted)
        SELECT day, sum(created), sum(deleted) FROM (
            SELECT (created_at AT TIME ZONE 'UTC')::date AS day, 1 AS created, 0 AS deleted FROM (SELECT NEW.*) AS image
            UNION ALL SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NOT NULL
        ) AS changes GROUP BY day;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER users_day_update AFTER UPDATE ON users
        FOR EACH ROW WHEN (
            OLD.deleted_at IS DISTINCT FROM NEW.deleted_at
            OR OLD.created_at IS DISTINCT FROM NEW.created_at
        )
        EXECUTE FUNCTION users_day_update()
    """,
)


FUNCTIONS = (
    "user_search_letters(text)",
    *(f"users_count_{verb}()" for verb in ("insert", "delete", "update")),
    *(f"user_roles_count_{verb}()" for verb in ("insert", "delete")),
    *(f"users_place_{verb}()" for verb in ("insert", "delete", "update")),
    *(f"users_day_{verb}()" for verb in ("insert", "delete", "update")),
)


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in (*INDEXES, *COUNTS, *PAGE_INDEX, *DAILY_COUNTS):
            schema_editor.execute(statement, None)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for function in FUNCTIONS:
            schema_editor.execute(f"DROP FUNCTION {function} CASCADE")


class Migration(migrations.Migration):
    replaces = [
        ("accounts", "0001_initial"),
        ("accounts", "0002_postgresql_indexes"),
        ("accounts", "0003_permission_created_at"),
        ("accounts", "0004_index_of_inactive"),
        ("accounts", "0005_outbox"),
        ("accounts", "0006_second_factor"),
        ("accounts", "0007_api_keys"),
        ("accounts", "0008_user_counts"),
        ("accounts", "0009_user_places"),
        ("accounts", "0010_password_requests"),
        ("accounts", "0011_known_devices"),
        ("accounts", "0012_session_limits"),
        ("accounts", "0013_user_days"),
        ("accounts", "0014_indexes_of_many"),
        ("accounts", "0015_keys_of_moments"),
        ("accounts", "0016_short_searches"),
        ("accounts", "0017_short_waiting_lists"),
    ]

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "username",
                    models.CharField(
                        max_length=80,
                        validators=[
                            django.core.validators.MinLengthValidator(3, "Use at least 3 characters."),
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9.\\-_@+]*\\Z", "Use letters (a to z), digits and . - _ @ + only."
                            ),
                        ],
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("password", models.CharField(db_column="password_hash", max_length=128)),
                ("first_name", models.CharField(blank=True, max_length=50)),
                ("last_name", models.CharField(blank=True, max_length=50)),
                ("is_active", models.BooleanField(default=True)),
                ("locked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("must_change_password", models.BooleanField(default=False)),
                ("password_changed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("search_text", models.TextField(default="", editable=False)),
                ("factor_grace_used", models.PositiveSmallIntegerField(db_default=0, default=0, editable=False)),
                (
                    "factor_kinds",
                    models.CharField(blank=True, db_default="", default="", editable=False, max_length=40),
                ),
                ("must_add_factor", models.BooleanField(db_default=False, default=False, editable=False)),
                ("is_service", models.BooleanField(default=False, editable=False, verbose_name="service account")),
                ("link_number", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                ("unlocked_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "db_table": "users",
                "ordering": ("id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Permission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, unique=True)),
                ("description", models.CharField(max_length=200)),
                ("resource", models.CharField(max_length=32)),
                ("action", models.CharField(max_length=32)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "permissions",
                "ordering": ("position", "name"),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ResetRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("typed", models.CharField(max_length=254)),
                ("ip_address", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=512)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "reset_requests",
                "ordering": ("id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="UserCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("change", models.BigIntegerField()),
            ],
            options={
                "db_table": "user_counts",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="UserDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(db_index=True)),
                ("created", models.BigIntegerField()),
                ("deleted", models.BigIntegerField()),
            ],
            options={
                "db_table": "user_days",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="EmailChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.EmailField(max_length=254)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="email_change",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "email_changes",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("credential_id", models.CharField(max_length=1400, unique=True)),
                ("credential", models.BinaryField()),
                ("sign_count", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "passkeys",
                "ordering": ("id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PasswordHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(db_column="password_hash", max_length=128)),
                ("replaced_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="password_history",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "password history",
                "db_table": "password_history",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Role",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("slug", models.CharField(editable=False, max_length=80, unique=True)),
                ("description", models.CharField(blank=True, max_length=200)),
                ("is_system", models.BooleanField(default=False, editable=False)),
                ("is_customized", models.BooleanField(default=False, editable=False)),
                ("position", models.PositiveSmallIntegerField(default=1000, editable=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "requires_factor",
                    models.BooleanField(db_default=False, default=False, verbose_name="requires a second factor"),
                ),
                (
                    "permissions",
                    models.ManyToManyField(
                        blank=True, db_table="role_permissions", related_name="roles", to="accounts.permission"
                    ),
                ),
            ],
            options={
                "db_table": "roles",
                "ordering": ("position", "name"),
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="user",
            name="roles",
            field=models.ManyToManyField(blank=True, db_table="user_roles", related_name="users", to="accounts.role"),
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("page", "Page"), ("token", "Token")], max_length=8)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("ip_address", models.GenericIPAddressField(blank=True, null=True)),
                ("user_agent", models.CharField(blank=True, max_length=512)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("logout", "Logout"),
                            ("revoked", "Revoked"),
                            ("refresh_reuse", "Refresh Reuse"),
                            ("password_changed", "Password Changed"),
                            ("account_disabled", "Account Disabled"),
                        ],
                        max_length=32,
                    ),
                ),
                ("refresh_hash", models.CharField(blank=True, max_length=64)),
                ("spent_refresh_hashes", models.JSONField(blank=True, default=dict)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("generation", models.PositiveIntegerField(db_default=0, default=0)),
                ("is_remembered", models.BooleanField(db_default=False, default=False)),
                ("rotated_at", models.DateTimeField(blank=True, null=True)),
                ("was_announced", models.BooleanField(db_default=False, default=False)),
            ],
            options={
                "db_table": "sessions",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SpentOnce",
            fields=[
                ("name", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "db_table": "spent_once",
                "default_permissions": (),
                "indexes": [models.Index(fields=["expires_at"], name="spent_once_expires")],
            },
        ),
        migrations.CreateModel(
            name="TotpKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed_key", models.TextField()),
                ("last_step", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="totp_key",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "totp_keys",
                "default_permissions": (),
            },
        ),
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
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                ("prefix", models.CharField(max_length=12, unique=True)),
                ("secret_hash", models.CharField(max_length=64)),
                ("scopes", models.JSONField(blank=True, default=list)),
                ("addresses", models.JSONField(blank=True, default=list)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_from", models.GenericIPAddressField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "db_table": "api_keys",
                "ordering": ("-created_at", "id"),
                "default_permissions": (),
                "indexes": [models.Index(fields=["user", "-created_at"], name="api_key_user_created")],
            },
        ),
        migrations.CreateModel(
            name="OutgoingMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.EmailField(max_length=254)),
                ("letter", models.CharField(max_length=40)),
                ("context", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("last_error", models.CharField(blank=True, max_length=200)),
                ("failed_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "outgoing_mails",
                "ordering": ("id",),
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("failed_at__isnull", True)), fields=["due_at"], name="outgoing_mail_due"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code_hash", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "recovery_codes",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("user", "code_hash"), name="recovery_code_unique")],
            },
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower("name"), name="role_name_unique"),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(condition=models.Q(("deleted_at__isnull", True)), fields=["id"], name="user_existing"),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                django.db.models.functions.text.Lower("username"),
                models.F("id"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="user_by_username",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                django.db.models.functions.text.Lower("email"),
                models.F("id"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="user_by_email",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                django.db.models.functions.text.Lower("first_name"),
                models.F("id"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="user_by_first_name",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                django.db.models.functions.text.Lower("last_name"),
                models.F("id"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="user_by_last_name",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)), fields=["is_active", "id"], name="user_by_is_active"
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)), fields=["created_at", "id"], name="user_by_created_at"
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)), fields=["updated_at", "id"], name="user_by_updated_at"
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)), fields=["deleted_at"], name="user_deleted"
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=["-is_active", "id"],
                name="user_by_is_inactive",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True), ("is_service", True)),
                fields=["id"],
                name="user_service",
            ),
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
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("username"), name="user_username_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="user_email_unique",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["user", "-last_used_at"], name="session_user_last_used"),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["-last_used_at"], name="session_last_used"),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["expires_at"], name="session_expires"),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["user", "ip_address", "created_at"], name="session_user_address"),
        ),
        migrations.RunPython(create, drop),
    ]
