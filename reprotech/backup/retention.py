"""Which backups stay: the newest of each of the last days, weeks and months that have one."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

NAME = re.compile(r"reprotech-(\d{8}T\d{6}Z)\.age(\.partial)?")
TIME = "%Y%m%dT%H%M%SZ"
#: After this time a partial file isn't being written any more.
ABANDONED_AFTER = timedelta(days=2)


def name_at(moment: datetime) -> str:
    return f"reprotech-{moment.astimezone(UTC):{TIME}}.age"


def prune(directory: Path, keep: Sequence[int], now: datetime) -> list[Path]:
    """Remove superseded backups and abandoned partial files, and return them. Other files stay."""
    found = {path: match for path in directory.iterdir() if (match := NAME.fullmatch(path.name))}
    moments = {path: datetime.strptime(match[1], TIME).replace(tzinfo=UTC) for path, match in found.items()}
    whole = {path: moment for path, moment in moments.items() if not found[path][2]}
    staying = retained(whole.values(), *keep)
    gone = [path for path, moment in whole.items() if moment not in staying]
    gone += [path for path in moments.keys() - whole.keys() if now - moments[path] > ABANDONED_AFTER]
    for path in gone:
        # Another process may remove the same files at this moment.
        path.unlink(missing_ok=True)
    return sorted(gone)


def retained(moments: Iterable[datetime], days: int, weeks: int, months: int) -> set[datetime]:
    """The moments whose backups stay; the newest always does."""
    newest_first = sorted(moments, reverse=True)
    periods: list[tuple[Callable[[datetime], tuple[int, ...]], int]] = [
        (lambda moment: (moment.year, moment.month, moment.day), days),
        (lambda moment: tuple(moment.isocalendar())[:2], weeks),
        (lambda moment: (moment.year, moment.month), months),
    ]
    staying = set(newest_first[:1])
    for period, number in periods:
        newest: dict[tuple[int, ...], datetime] = {}
        for moment in newest_first:
            newest.setdefault(period(moment), moment)
        staying.update(list(newest.values())[:number])
    return staying
