"""Time zones to choose from, by their names in the time zone database."""

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

#: Names that mean this machine's zone, or no place at all.
NOT_PLACES = frozenset({"Factory", "localtime"})
OTHER = "Other"


@cache
def time_zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_PLACES)


@cache
def time_zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """(region, [(name, place)]), the regions and their places sorted, what has no region last."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(time_zone_names()):
        region, _, place = name.partition("/")
        label = place.replace("_", " ").replace("/", ", ")
        groups.setdefault(region if place else OTHER, []).append((name, label or name))
    return sorted(groups.items(), key=lambda group: (group[0] in (OTHER, "Etc"), group[0]))


def find_time_zone(name: str) -> ZoneInfo | None:
    """The zone, unless this server's database lacks it."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
