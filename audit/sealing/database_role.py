"""The rights of the server's role in PostgreSQL: all that it needs, and none that could disable the log's triggers.

One role owns the tables and runs migrations; the server uses another, which DATABASE_WEB_ROLE names to `migrate`.
`deploy/postgresql/roles.sql` creates both. Rights are granted after each migration, which may have created tables.
"""

import logging
from collections.abc import Iterator, Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor, sql

from audit.capture.postgresql_triggers import REMOVE_FUNCTION
from audit.sealing.append_only_triggers import APPEND_ONLY_TABLES as APPEND_ONLY
from audit.sealing.append_only_triggers import CAPTURED_CHANGES_TABLE

logger = logging.getLogger(__name__)

#: Tables on which the server needs fewer rights.
RESTRICTED_RIGHTS = {
    **dict.fromkeys(APPEND_ONLY, "SELECT, INSERT"),
    **dict.fromkeys(("audit_anchors", "audit_blocks", "audit_daily_counts"), "SELECT, INSERT, UPDATE"),
    "django_migrations": "SELECT",
    # Triggers write it with the owner's rights, and a function removes what is settled.
    CAPTURED_CHANGES_TABLE: "SELECT",
}
DEFAULT_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"

#: Tables and sequences of the current role; an extension may have created others.
OWNED_RELATIONS = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = ANY(%s) AND pg_has_role(relowner, 'USAGE')
ORDER BY relname
"""
#: Whether a role exists, is a superuser, and is or may become the current one.
ROLE = "SELECT rolsuper, pg_has_role(oid, current_user, 'MEMBER') FROM pg_roles WHERE rolname = %s"
#: The current role, and whether it is a superuser, owns a table of the log, or has a right to change one.
OWN_ROLE = """
SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    bool_or(pg_has_role(relowner, 'MEMBER')),
    bool_or(has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER'))
FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(%s)
"""


def grant_rights(**_: object) -> None:
    """Grant DATABASE_WEB_ROLE what the server needs and revoke the rest; raises ImproperlyConfigured."""
    role = settings.DATABASE_WEB_ROLE
    if not role or connection.vendor != "postgresql":
        return
    with transaction.atomic(), connection.cursor() as cursor:
        _check_role(cursor, role)
        for statement in _grant_statements(cursor, role):
            cursor.execute(statement)


def _check_role(cursor: CursorWrapper, role: str) -> None:
    cursor.execute(ROLE, [role])
    found = cursor.fetchone()
    if found is None:
        raise ImproperlyConfigured(
            f"DATABASE_WEB_ROLE names {role}, which PostgreSQL doesn't have. deploy/postgresql/roles.sql makes it."
        )
    is_superuser, is_owner = found
    if is_superuser or is_owner:
        raise ImproperlyConfigured(
            f"DATABASE_WEB_ROLE names {role}, which is {'a superuser' if is_superuser else 'the owner of the tables'}. "
            "Migrations need a role of their own: deploy/postgresql/roles.sql makes both."
        )


def _grant_statements(cursor: CursorWrapper, role: str) -> Iterator[sql.Composed]:
    grantee = sql.Identifier(role)
    for table in _owned_relations(cursor, "rpvm"):
        rights = sql.SQL(RESTRICTED_RIGHTS.get(table, DEFAULT_RIGHTS))
        yield sql.SQL("REVOKE ALL ON TABLE {} FROM {}").format(sql.Identifier(table), grantee)
        yield sql.SQL("GRANT {} ON TABLE {} TO {}").format(rights, sql.Identifier(table), grantee)
    for sequence in _owned_relations(cursor, "S"):
        yield sql.SQL("GRANT USAGE, SELECT ON SEQUENCE {} TO {}").format(sql.Identifier(sequence), grantee)
    yield sql.SQL("GRANT EXECUTE ON FUNCTION {}(bigint[]) TO {}").format(sql.Identifier(REMOVE_FUNCTION), grantee)


def _owned_relations(cursor: CursorWrapper, kinds: Sequence[str]) -> list[str]:
    cursor.execute(OWNED_RELATIONS, [list(kinds)])
    return [name for (name,) in cursor.fetchall()]


def excessive_rights(cursor: CursorWrapper | Cursor) -> str:
    """A sentence about what the role that `cursor` uses should not be able to do; empty if there is nothing."""
    cursor.execute(OWN_ROLE, [[*APPEND_ONLY, CAPTURED_CHANGES_TABLE]])
    ((role, is_superuser, is_owner, may_change),) = cursor.fetchall()
    if is_superuser:
        what = "is a superuser"
    elif is_owner:
        what = "owns the audit log's tables"
    elif may_change:
        what = "has rights to change the audit log's tables"
    else:
        return ""
    return (
        f"The database role {role} {what}: an attacker who takes over the server can switch off what protects the log. "
        "Use the two roles of deploy/postgresql/roles.sql."
    )


def warn_of_excessive_rights() -> None:
    """Log a warning at the server's start, unless in development or while the database is away."""
    if settings.DEBUG or connection.vendor != "postgresql":
        return
    try:
        with connection.cursor() as cursor:
            sentence = excessive_rights(cursor)
    except DatabaseError:
        return
    finally:
        connection.close()
    if sentence:
        logger.warning("%s", sentence)
