"""How many accounts there were, from the numbers of each day."""

from datetime import UTC, datetime, time

from access_history.questions.windows import Window
from reprotech.core.process_cache import process_cache
from reprotech.db.constant_statements import ConstantStatement

#: Right before the end there is one period of each account: those begun until then, but for those that ended. Whole
#: days are counted already. With these go the accounts that went in the course of a day: on most days fewer than came.
ACCOUNTS = ConstantStatement(
    """
    SELECT
    (SELECT coalesce(sum(begun - ended), 0) FROM access_account_days WHERE day < {day:day})
    + (SELECT count(*) FROM access_account_periods WHERE from_at >= {midnight:moment} AND from_at < {end:moment})
    - (SELECT count(*) FROM access_account_periods WHERE to_at >= {midnight:moment} AND to_at < {end:moment})
    + (
        SELECT count(DISTINCT user_id) FROM access_account_periods AS gone
        WHERE to_at > {begin:moment} AND to_at < {end:moment} AND to_at > from_at
            AND NOT EXISTS (
                SELECT 1 FROM access_account_periods AS there
                WHERE there.user_id = gone.user_id AND there.from_at < {end:moment}
                    AND (there.to_at IS NULL OR there.to_at >= {end:moment})
            )
    )
    """,
    ("number",),
)


def accounts_in(window: Window) -> int:
    day = window.end.astimezone(UTC).date()
    midnight = datetime.combine(day, time(), UTC)
    return int(ACCOUNTS.rows(day=day, midnight=midnight, begin=window.begin, end=window.end)[0][0])


def known_accounts_in(window: Window, version: str) -> int:
    """The same, which doesn't change while the tables don't: who turns pages asks for it each time."""
    key = f"accounts: {window.begin} {window.end} {version}"
    return int(process_cache.get_or_set(key, lambda: accounts_in(window)) or 0)
