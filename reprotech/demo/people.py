"""The users, each computed from their number, so that a million of them take no memory."""

from typing import NamedTuple
from unicodedata import combining, normalize

from accounts.core.catalogue import ADMIN
from reprotech.demo.names import FIRST_NAMES, LAST_NAMES

DOMAIN = "lab.example"
#: One administrator and one manager for this number of users.
USERS_PER_ADMINISTRATOR, USERS_PER_MANAGER = 500, 60
#: Roles of the other users, in percent.
ROLE_PERCENTAGES = (("lab_technician", 38), ("viewer", 27), ("researcher", 25), ("veterinarian", 10))
ROLE_CHOICES = [slug for slug, percent in ROLE_PERCENTAGES for _ in range(percent)]
INACTIVE_PERCENT, LOCKED_PERMILLE, SECOND_ROLE_PERCENT = 6, 4, 3
# Letters that Unicode doesn't decompose.
ASCII_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "ß": "ss", "ł": "l", "Ł": "L", "æ": "ae", "đ": "d"}
)
MASK_64_BITS = (1 << 64) - 1


class Person(NamedTuple):
    """A user; `number` counts from 0 in the order in which they joined."""

    number: int
    username: str
    first_name: str
    last_name: str
    roles: tuple[str, ...]
    #: The initial roles, if they changed.
    first_roles: tuple[str, ...]

    @property
    def email(self) -> str:
        return f"{self.username}@{DOMAIN}"

    @property
    def first_email(self) -> str:
        return f"{self.username}@old.{DOMAIN}"


class People:
    """All `count` users: administrators first, then managers."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.administrators = count and count // USERS_PER_ADMINISTRATOR + 1
        self.managers = count // USERS_PER_MANAGER
        self._seed = mix(seed)

    def __getitem__(self, number: int) -> Person:
        chance = self.chance(number)
        first = FIRST_NAMES[chance % len(FIRST_NAMES)]
        last = LAST_NAMES[(chance >> 16) % len(LAST_NAMES)]
        # There are fewer names than users: the number makes usernames unique.
        username = f"{ascii_name(first)}.{ascii_name(last)}{number or ''}"
        roles = self._roles(number, chance)
        return Person(number, username, first, last, roles, _first_roles(roles))

    def chance(self, number: int) -> int:
        """64 bits from which everything about a user is derived."""
        return mix(self._seed ^ number)

    def leaves(self, number: int, chance: int) -> bool:
        return (chance >> 32) % 100 < INACTIVE_PERCENT and number >= self.administrators

    def is_locked(self, number: int, chance: int) -> bool:
        return (chance >> 40) % 1000 < LOCKED_PERMILLE and number >= self.administrators

    def has_second_role(self, number: int, chance: int) -> bool:
        return (chance >> 56) % 100 < SECOND_ROLE_PERCENT and len(self._roles(number, chance)) > 1

    def _roles(self, number: int, chance: int) -> tuple[str, ...]:
        if number < self.administrators:
            return (ADMIN,)
        if number < self.administrators + self.managers:
            return ("manager",)
        slug = ROLE_CHOICES[(chance >> 48) % len(ROLE_CHOICES)]
        is_second = (chance >> 56) % 100 < SECOND_ROLE_PERCENT and slug != "viewer"
        return (slug, "viewer") if is_second else (slug,)


def _first_roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    """The roles before a second one was assigned, or before a transfer."""
    if len(roles) > 1:
        return roles[:1]
    return ("lab_technician",) if roles[0] != "lab_technician" else ("viewer",)


def mix(number: int) -> int:
    """64 random-looking bits from a number: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & MASK_64_BITS
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & MASK_64_BITS
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & MASK_64_BITS
    return number ^ (number >> 31)


def ascii_name(name: str) -> str:
    return "".join(
        letter for letter in normalize("NFKD", name.translate(ASCII_LETTERS)) if not combining(letter)
    ).lower()
