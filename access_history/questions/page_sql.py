"""What an answer is made of, in two statements (docs/adr/0019-access-history-as-a-projection.md).

The first says how far the history is and what is sealed; the second has all that a page of accounts rests on. Others
count the accounts of a window and the events of a page that aren't sealed yet, unless this process knows it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from access_history.models.periods import full_name_of, status_of
from access_history.projection.progress import PROGRESS, PROGRESS_KINDS, Progress, progress_from
from access_history.questions.windows import Window
from reprotech.core.process_cache import process_cache
from reprotech.db.constant_statements import ConstantStatement, Kind

CHECKPOINT = "(SELECT size, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1) AS newest"
OPENING = ConstantStatement(
    # Constants alone.
    f"SELECT progress.*, size, note FROM ({PROGRESS}) AS progress LEFT JOIN {CHECKPOINT} ON true",  # noqa: S608  # nosec B608
    (*PROGRESS_KINDS, "number", "text"),
)
#: With the newest checkpoint in the same moment: it covers what is counted as sealed.
PROOF = ConstantStatement(
    f"""
    SELECT unsealed, size, note
    FROM (
        SELECT count(*) AS unsealed FROM {{ids:numbers}}
        WHERE NOT EXISTS (SELECT 1 FROM audit_leaves WHERE event_id = value)
            AND EXISTS (SELECT 1 FROM audit_logs WHERE id = value)
    ) AS counted LEFT JOIN {CHECKPOINT} ON true
    """,  # noqa: S608 (constants)  # nosec B608
    ("number", "number", "text"),
)
#: As `Window.meets`: what ended as it began never was.
MEETS = "from_at < {end:moment} AND (to_at IS NULL OR (to_at > {begin:moment} AND to_at > from_at))"
GIVEN = "SELECT value AS user_id FROM {ids:numbers}"
#: Of a row of the second statement.
ACCOUNT, GRANT, NAME, PERMISSIONS = range(4)
#: Its columns.
KINDS: tuple[Kind, ...] = (
    *("number", "number", "moment", "moment", "number", "number", "moment", "moment", "text"),
    *("text", "text", "boolean", "boolean", "boolean", "number", "number"),
)


class Account(NamedTuple):
    """As a row of `AccountPeriod`."""

    user_id: int
    from_at: datetime
    to_at: datetime | None
    from_event: int
    to_event: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    username: str
    first_name: str
    last_name: str
    is_service: bool
    is_active: bool
    is_locked: bool

    @property
    def full_name(self) -> str:
        return full_name_of(self)

    def status_at(self, moment: datetime) -> str:
        return status_of(self, moment)


class Grant(NamedTuple):
    """As a row of `GrantPeriod`."""

    user_id: int
    from_at: datetime
    to_at: datetime | None
    from_event: int
    to_event: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    granted_by_name: str
    role_id: int
    granted_by_id: int | None


class RoleName(NamedTuple):
    role_id: int
    from_at: datetime
    to_at: datetime | None
    from_event: int
    to_event: int | None
    name: str


class RolePermissions(NamedTuple):
    role_id: int
    from_at: datetime
    to_at: datetime | None
    from_event: int
    to_event: int | None
    permissions: tuple[str, ...]


@dataclass(slots=True)
class Subject:
    """The periods of one account, in the order in which they began."""

    accounts: list[Account] = field(default_factory=list)
    #: With those that ended before.
    grants: list[Grant] = field(default_factory=list)


@dataclass(slots=True)
class Facts:
    """Accounts in the order of their numbers, and the roles that any of them ever held, with what these were before."""

    subjects: dict[int, Subject] = field(default_factory=dict)
    names: dict[int, list[RoleName]] = field(default_factory=dict)
    permissions: dict[int, list[RolePermissions]] = field(default_factory=dict)


class Sealed(NamedTuple):
    """The newest checkpoint."""

    size: int
    note: str


def read_opening() -> tuple[Progress, Sealed | None]:
    (row,) = OPENING.rows()
    return progress_from(row[:-2]), _sealed(*row[-2:])


def _sealed(size: int | None, note: str) -> Sealed | None:
    return None if size is None else Sealed(size, note)


def proof_of(events: Collection[int], newest: Sealed | None) -> tuple[int, Sealed | None]:
    """How many of these events no checkpoint covers yet, and the newest checkpoint, which `newest` may no longer be."""
    # What is sealed stays so.
    key = f"sealed: {sorted(events)}"
    if process_cache.get(key):
        return 0, newest
    ((unsealed, size, note),) = PROOF.rows(ids=[*events])
    if not unsealed:
        process_cache.set(key, value=True)
    return unsealed, _sealed(size, note)


def facts_from(window: Window, first: int, count: int) -> Facts:
    """So many of all accounts from a position on; if there aren't as many, all of the index is read in their search."""
    # The numbers stand in the text: of those that it doesn't know, PostgreSQL expects many, and reads whole tables.
    found = f"""
        SELECT DISTINCT user_id FROM access_account_periods WHERE {MEETS}
        ORDER BY user_id LIMIT {count:d} OFFSET {first:d}
    """  # noqa: S608  # nosec B608
    return _facts(_statement(found).rows(begin=window.begin, end=window.end))


def facts_of(window: Window, user_ids: Collection[int]) -> Facts:
    """These accounts, as far as there were such then."""
    return _facts(_statement(GIVEN).rows(begin=window.begin, end=window.end, ids=[*user_ids]))


@lru_cache(maxsize=100)
def _statement(found: str) -> ConstantStatement:
    """Rows about these accounts and their roles.

    Permissions of a role that came and went together are one row: most roles have all of theirs from one event.
    """
    text = f"""
        WITH page AS ({found}), held AS (
            SELECT periods.* FROM page JOIN access_grant_periods AS periods
                ON periods.user_id = page.user_id AND periods.from_at < {{end:moment}}
        )
        SELECT {ACCOUNT} AS kind, periods.user_id AS owner, from_at, to_at, from_event, to_event, starts_at, ends_at,
            username, first_name, last_name, is_service, is_active, is_locked, NULL, NULL
        FROM page JOIN (SELECT * FROM access_account_periods WHERE {MEETS}) AS periods
            ON periods.user_id = page.user_id
        UNION ALL
        SELECT {GRANT}, user_id, from_at, to_at, from_event, to_event, starts_at, ends_at,
            granted_by_name, NULL, NULL, NULL, NULL, NULL, role_id, granted_by_id
        FROM held
        UNION ALL
        SELECT {NAME}, role_id, from_at, to_at, from_event, to_event, NULL, NULL,
            name, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM access_role_periods
        WHERE role_id IN (SELECT role_id FROM held) AND from_at < {{end:moment}}
        UNION ALL
        SELECT {PERMISSIONS}, role_id, from_at, to_at, from_event, to_event, NULL, NULL,
            {{string_agg}}(permission, '\n'), NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM access_role_permission_periods
        WHERE role_id IN (SELECT role_id FROM held) AND from_at < {{end:moment}}
        GROUP BY role_id, from_at, to_at, from_event, to_event
        ORDER BY kind, owner, from_at, from_event
    """  # noqa: S608 (constants and whole numbers)  # nosec B608
    return ConstantStatement(text, KINDS)


def _facts(rows: Iterable[tuple[Any, ...]]) -> Facts:
    facts = Facts()
    for kind, owner, *rest in rows:
        if kind == ACCOUNT:
            facts.subjects.setdefault(owner, Subject()).accounts.append(Account._make((owner, *rest[:-2])))
        elif kind == GRANT:
            # Of an account that is asked for, and that there was no more.
            if owner in facts.subjects:
                facts.subjects[owner].grants.append(Grant._make((owner, *rest[:7], *rest[-2:])))
        elif kind == NAME:
            facts.names.setdefault(owner, []).append(RoleName._make((owner, *rest[:4], rest[6])))
        else:
            given = tuple(rest[6].split("\n"))
            facts.permissions.setdefault(owner, []).append(RolePermissions._make((owner, *rest[:4], given)))
    return facts
