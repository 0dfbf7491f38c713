"""What sealed events explain: parts that were erased, events that were archived. Other gaps are damage.

An event whose authentication code matches no key explains nothing: this installation may not have written it.
"""

from collections.abc import Iterable, Iterator

from audit.crypto.sealed_row import COMMITMENT_BYTES, SealedRow, split_details
from audit.models import AuditLog, Leaf
from audit.verification.findings import Finding, IntervalSet, Kind, describe_range, finding_at, list_some
from audit.verification.reader import COLUMNS, Entry, make_entry

#: Values of `action`, part of the format.
ERASE, ARCHIVE = "erase", "archive"
UPKEEP_ACTIONS = frozenset({ERASE, ARCHIVE})
#: Events of a gap that are named individually.
MAX_NAMED = 100


class GapAccounting:
    """Collects, while events are read, gaps and what explains them, in any order."""

    def __init__(self) -> None:
        self._explained_by: set[int] = set()
        self._gone = IntervalSet()
        self._archived: list[tuple[int, int]] = []
        #: By part: the events without it, and those of which a sealed event says that it was erased.
        self._erased: dict[str, set[int]] = {"actor": set(), "subject": set()}
        self._covered: dict[str, set[int]] = {"actor": set(), "subject": set()}
        #: Erasures and archives that explain nothing; a dict keeps their order.
        self._inauthentic: dict[int, None] = {}

    def record_missing(self, position: int) -> None:
        self._gone.add(position)

    def read(self, found: Entry) -> Iterator[Finding]:
        """Process an event that is as it was sealed."""
        row = found.row
        if row is None:
            return
        if row.action in UPKEEP_ACTIONS:
            self.explain(found)
        if len(row.actor_opening) == COMMITMENT_BYTES:
            self._erased["actor"].add(found.event_id)
            # An erased part's commitment is taken as it is, so it would hide any text written there later.
            if row.username or row.user_agent or row.ip_address:
                yield _refilled(found, "who acted")
        if len(row.subject_opening) == COMMITMENT_BYTES:
            self._erased["subject"].add(found.event_id)
            if row.resource_name or _has_personal_details(row):
                yield _refilled(found, "whom it is about")

    def explain(self, found: Entry) -> None:
        """Process an erasure or archive."""
        row = found.row
        if row is None or not row.success or found.event_id in self._explained_by:
            return
        if not found.is_authentic:
            self._inauthentic[found.event_id] = None
            return
        self._explained_by.add(found.event_id)
        details = row.details
        if row.action == ERASE:
            for part, covered in self._covered.items():
                named = list(_integers(details.get(f"{part}_parts")))
                covered.update(named)
                self._erased[part].difference_update(named)
        if row.action == ARCHIVE:
            match details.get("start"), details.get("end"):
                case int(start), int(end):
                    self._archived.append((start, end))

    def explain_by_unsealed(self) -> None:
        # Process what was done since the newest checkpoint: it is authentic, and will be sealed in seconds.
        rows = AuditLog.objects.filter(action__in=UPKEEP_ACTIONS).order_by("pk").values_list(*COLUMNS)
        for columns in rows.iterator():
            found = make_entry(0, columns[0], b"", columns)
            if found.is_authentic:
                self.explain(found)

    def findings(self) -> Iterator[Finding]:
        """What is missing without an explanation."""
        for start, end in self._archived:
            self._gone.remove(start, end)
        if self._inauthentic:
            inauthentic = tuple(self._inauthentic)
            sentence = (
                f"The events {list_some(inauthentic, MAX_NAMED)} record erasures or archives, but their authentication "
                "codes fit no present SECRET_KEY, so they explain nothing. If SECRET_KEY was replaced, name the "
                "older one in SECRET_KEY_FALLBACKS."
            )
            yield Finding(Kind.CODE, sentence, inauthentic)
        for start, end in self._gone:
            yield from _missing_events(start, end)
        for part, what in (("actor", "who acted"), ("subject", "whom it is about")):
            for event_id in sorted(self._erased[part] - self._covered[part]):
                yield Finding(
                    Kind.ERASED, f"Of event {event_id} it was erased {what}, and no sealed event says so.", (event_id,)
                )


def _missing_events(start: int, end: int) -> Iterator[Finding]:
    named = Leaf.objects.filter(position__gte=start, position__lt=end).order_by("position")[:MAX_NAMED]
    for position, event_id in named.values_list("position", "event_id"):
        yield finding_at(Kind.REMOVED, position, f"Event {event_id} is missing at place {position}.", event_id)
    if end - start > MAX_NAMED:
        rest = describe_range(start + MAX_NAMED, end)
        yield Finding(Kind.REMOVED, f"The events of {rest} are missing as well.", start=start + MAX_NAMED, end=end)


def _refilled(found: Entry, what: str) -> Finding:
    sentence = f"Event {found.event_id} counts as erased, but says {what}, which nothing proves."
    return finding_at(Kind.CHANGED, found.position, sentence, found.event_id)


def _has_personal_details(row: SealedRow) -> bool:
    _, personal = split_details(row.details)
    changes = personal.pop("changes", {})
    values = [*personal.values(), *(changes.values() if isinstance(changes, dict) else ())]
    return any(value is not None for value in values)


def _integers(values: object) -> Iterable[int]:
    return (value for value in values if isinstance(value, int)) if isinstance(values, list) else ()
