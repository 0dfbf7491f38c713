"""What they did: the events of one day after the other, as the audit log tells them."""

from collections.abc import Iterable
from datetime import datetime
from random import Random

from audit.crypto.canonical_json import SALT_BYTES, VERSION, SealedRow
from audit.models import Action
from audit.services import Changes
from reprotech.demo.calendar import Day, moments
from reprotech.demo.day_events import COMMAND, SYSTEM, DayOfWork, Past
from reprotech.demo.employment import Lives
from reprotech.demo.people import People


class History:
    """The events of `people`, of whom the first has the id `first_id`, until a moment. Days don't depend on another."""

    def __init__(self, people: People, lives: Lives, first_id: int, seed: int, until: datetime) -> None:
        self.people = people
        self.lives = lives
        self.first_id = first_id
        self._seed = seed
        self._until = until

    def past(self, day: Day) -> Past:
        """What happened on a day."""
        work = DayOfWork(
            day,
            people=self.people,
            lives=self.lives,
            first_id=self.first_id,
            chance=self._chance(day, "events"),
            arrivals=self.arrivals(day),
        )
        return work.past(lambda count: moments(self._chance(day, "times"), day.date, count, self._until))

    def roles(self, moment: datetime, described: Iterable[tuple[int, str, Changes]]) -> list[SealedRow]:
        """How the roles begin, of which id, name and changes are given."""
        chance = Random(f"{self._seed} roles")  # noqa: S311 (nothing of it is secret)  # nosec B311
        return [
            SealedRow(
                id=None,
                version=VERSION,
                timestamp=moment,
                user_id=None,
                username=SYSTEM,
                action=Action.CREATE.value,
                resource="role",
                resource_id=str(role_id),
                resource_name=name,
                success=True,
                ip_address=None,
                user_agent=COMMAND,
                request_id="",
                session_id=None,
                details={"changes": {field: list(pair) for field, pair in changes.items()}},
                actor_opening=chance.randbytes(SALT_BYTES),
                subject_opening=chance.randbytes(SALT_BYTES),
            )
            for role_id, name, changes in described
        ]

    def arrivals(self, day: Day) -> list[datetime]:
        """When those who are new on a day got their accounts, in the order of their numbers."""
        return moments(self._chance(day, "arrivals"), day.date, day.new, self._until)

    def _chance(self, day: Day, purpose: str) -> Random:
        return Random(f"{self._seed} {day.date} {purpose}")  # noqa: S311 (nothing of it is secret)  # nosec B311
