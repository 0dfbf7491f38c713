"""A believable laboratory for the screenshots: people, a year of sign-ins, and changes made through the services."""

import random
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Permission, Role, Session, TotpKey, User
from accounts.roles import services as role_services
from accounts.users import services as user_services
from audit.models import Action, AuditLog
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.demo.loader import UNKNOWN_PASSWORD

FIRST_NAMES = [
    "Amara",
    "Björn",
    "Carmen",
    "Dmitri",
    "Eszter",
    "Farid",
    "Greta",
    "Hiroshi",
    "Imani",
    "Jana",
    "Kofi",
    "Lucía",
    "Mehmet",
    "Nadia",
    "Oskar",
    "Priya",
]
LAST_NAMES = [
    "Abeni",
    "Berg",
    "Castillo",
    "Dufour",
    "Eriksen",
    "Fontana",
    "Gruber",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kimura",
    "Lindqvist",
    "Moreau",
    "Novak",
]
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1 (KHTML, like Gecko) Version/19.0 Safari/605.1",
)
WEEKEND = 5
LONG_NAMES = {"first_name": "Wilhelmina-Theodora", "last_name": "van der Hoogenbosch-Castellanos y Montenegro"}


def create_lab(administrator: User) -> None:
    """Fill the database; repeatable, since chance starts from a seed."""
    for model in (Role, Permission):
        model._default_manager.update(created_at=timezone.now() - timedelta(days=400))
    chance = random.Random(7)  # noqa: S311 (decoration)  # nosec B311
    people = _hire(chance)
    _sign_in_for_a_year(chance, people)
    _create_extremes()
    _invite()
    _open_sessions(chance, people)
    _administer(administrator, people)


def _hire(chance: random.Random) -> list[User]:
    now = timezone.now()
    people = []
    slugs = ["researcher"] * 5 + ["lab_technician"] * 4 + ["veterinarian"] * 3 + ["viewer"] * 2 + ["manager", "admin"]
    granted = {role.slug: role for role in Role.objects.all()}
    for number in range(64):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        username = ascii_letters(f"{first}.{last}{number}").lower()
        joined = now - timedelta(days=chance.randrange(1, 380), minutes=chance.randrange(1000))
        names = LONG_NAMES if number == 0 else {"first_name": first, "last_name": last}
        person = User(username=username, email=f"{username}@lab.example", created_at=joined, updated_at=joined, **names)
        person.is_active = chance.random() > 0.08  # noqa: PLR2004
        person.password = UNKNOWN_PASSWORD
        person.save()
        person.roles.set([granted[chance.choice(slugs)]])
        people.append(person)
    for person in chance.sample(people, 40):
        # It opens nothing: no app has a key that belongs to it.
        TotpKey.objects.create(user=person, sealed_key="none")
        User.objects.filter(pk=person.pk).update(factor_kinds="totp")
    return people


def _create_extremes() -> None:
    """A user with few permissions, and a role and a user with values of the maximum length."""
    user_services.create_user(
        actor=SYSTEM,
        username="greta.viewer",
        email="greta.viewer@lab.example",
        first_name="Greta",
        last_name="Vogel",
        password="Correct-Horse-7",  # noqa: S106 (of a throw-away database)  # nosec B106
        roles=["viewer"],
    )
    role_services.create_role(
        actor=SYSTEM,
        name="Longest-name-of-a-role".ljust(80, "n"),
        description="Everything that a description can hold. " * 5,
        permissions=["sample_read"],
    )
    user_services.create_user(
        actor=SYSTEM,
        username="longest.username.".ljust(80, "n"),
        email=f"{'longest'.ljust(64, 'n')}@{'.'.join(['laboratory-of-reproduction'.ljust(59, 'y')] * 3)}.example",
        first_name="Maximiliana-Konstantina".ljust(50, "a"),
        last_name="Schwarzenberg-Hohenlohe".ljust(50, "e"),
        roles=["viewer", "researcher", "lab_technician", "Longest-name-of-a-role".ljust(80, "n")],
    )


def _invite() -> None:
    """Two people who still may choose a password, and one whose link has expired."""
    people = {"Noor Haddad": 0, "Tomás Ribeiro": 2, "Ingrid Solberg": 6}
    for name, days in people.items():
        first, last = name.split()
        username = ascii_letters(f"{first}.{last}").lower()
        user = user_services.create_user(
            actor=SYSTEM,
            username=username,
            email=f"{username}@lab.example",
            first_name=first,
            last_name=last,
            roles=["researcher"],
        )
        invited_at = timezone.now() - timedelta(days=days, hours=1)
        User.objects.filter(pk=user.pk).update(invited_at=invited_at, created_at=invited_at)


def ascii_letters(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _sign_in_for_a_year(chance: random.Random, people: list[User]) -> None:
    now = timezone.now()
    rows = []
    for age in range(365, -1, -1):
        day = now - timedelta(days=age)
        weight = 0.25 if day.weekday() >= WEEKEND else 1
        rows += [
            _login(chance, person, day - timedelta(minutes=chance.randrange(1, 600)))
            for person in people
            if person.created_at < day and chance.random() < 0.4 * weight
        ]
    rows.sort(key=lambda row: row.timestamp)
    AuditLog.objects.bulk_create(rows, batch_size=1000)
    last = {row.user_id: row.timestamp for row in rows if row.success}
    for person in people:
        if person.pk in last:
            User.objects.filter(pk=person.pk).update(last_login=last[person.pk])


def _login(chance: random.Random, person: User, moment: datetime) -> AuditLog:
    good = chance.random() > 0.07  # noqa: PLR2004
    details: dict[str, Any] = {"kind": "page"} if good else {"reason": "The password is wrong."}
    return AuditLog(
        timestamp=moment,
        user_id=person.pk,
        username=person.username,
        action=Action.LOGIN,
        resource="auth",
        success=good,
        ip_address=f"192.0.2.{chance.randrange(10, 60)}",
        user_agent=chance.choice(BROWSERS),
        request_id=f"{chance.getrandbits(128):032x}",
        details=details,
    )


def _open_sessions(chance: random.Random, people: list[User]) -> None:
    now = timezone.now()
    for person in chance.sample(people, 9):
        used = now - timedelta(minutes=chance.randrange(1, 300))
        Session.objects.create(
            user=person,
            kind=chance.choice(["page", "page", "token"]),
            created_at=used - timedelta(hours=1),
            last_used_at=used,
            expires_at=now + timedelta(hours=9),
            ip_address=f"192.0.2.{chance.randrange(10, 60)}",
            user_agent=chance.choice(BROWSERS),
        )


def _administer(administrator: User, people: list[User]) -> None:
    """The changes of a morning."""
    origin = RequestOrigin(
        ip_address="192.0.2.12", user_agent=BROWSERS[0], request_id="5f0c2f7be0b64a1f9b3b0c7f6c1d2e3a"
    )
    permissions = ["animal_read", "sample_read", "sample_create", "inventory_read", "report_read"]
    with request_origin(origin):
        role = role_services.create_role(
            actor=administrator, name="Night Shift", description="Samples outside office hours", permissions=permissions
        )
        role_services.update_role(actor=administrator, role_id=role.pk, permissions=[*permissions[1:], "report_create"])
        user_services.update_user(actor=administrator, user_id=people[3].pk, roles=["Night Shift", "veterinarian"])
        user_services.update_user(actor=administrator, user_id=people[5].pk, first_name="Adaeze", last_name="Okonkwo")
        user_services.lock_user(actor=administrator, user_id=people[8].pk)
        user_services.delete_user(actor=SYSTEM, user_id=people[9].pk)
