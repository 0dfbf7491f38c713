"""Generates the events of each day."""

from collections.abc import Iterable
from datetime import datetime
from random import Random

from audit.crypto.canonical_json import SALT_BYTES, VERSION, SealedRow
from audit.models import Action
from audit.services import Changes
from reprotech.demo.calendar import Day, sign_in_times
from reprotech.demo.day_events import COMMAND_USER_AGENT, SYSTEM_NAME, DayEvents, DaySimulation
from reprotech.demo.employment import Careers
from reprotech.demo.people import People


class History:
    """The events of `people`, with ids from `first_id`, until a moment. Each day is generated independently."""

    def __init__(self, people: People, careers: Careers, first_id: int, seed: int, until: datetime) -> None:
        self.people = people
        self.careers = careers
        self.first_id = first_id
        self._seed = seed
        self._until = until

    def simulate(self, day: Day) -> DayEvents:
        simulation = DaySimulation(
            day,
            people=self.people,
            careers=self.careers,
            first_id=self.first_id,
            chance=self._chance(day, "events"),
            arrivals=self.arrivals(day),
        )
        return simulation.simulate(
            lambda count: sign_in_times(self._chance(day, "times"), day.date, count, self._until)
        )

    def roles(self, moment: datetime, described: Iterable[tuple[int, str, Changes]]) -> list[SealedRow]:
        """The events that create roles, given as (id, name, changes)."""
        chance = Random(f"{self._seed} roles")  # noqa: S311 (nothing of it is secret)  # nosec B311
        return [
            SealedRow(
                id=None,
                version=VERSION,
                timestamp=moment,
                user_id=None,
                username=SYSTEM_NAME,
                action=Action.CREATE.value,
                resource="role",
                resource_id=str(role_id),
                resource_name=name,
                success=True,
                ip_address=None,
                user_agent=COMMAND_USER_AGENT,
                request_id="",
                session_id=None,
                details={"changes": {field: list(pair) for field, pair in changes.items()}},
                actor_opening=chance.randbytes(SALT_BYTES),
                subject_opening=chance.randbytes(SALT_BYTES),
            )
            for role_id, name, changes in described
        ]

    def arrivals(self, day: Day) -> list[datetime]:
        """When a day's new users got their accounts, in the order of their numbers."""
        return sign_in_times(self._chance(day, "arrivals"), day.date, day.new, self._until)

    def _chance(self, day: Day, purpose: str) -> Random:
        return Random(f"{self._seed} {day.date} {purpose}")  # noqa: S311 (nothing of it is secret)  # nosec B311
