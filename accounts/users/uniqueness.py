"""What is wrong with an account's fields and password, all of it at once.

Usernames and addresses are unique, and no username is ever reused, not even one of an erased person.

Of an erased name only an HMAC is kept, as names are few enough to try them all. Its random key is stored encrypted
under SECRET_KEY, so that the database alone doesn't help to try names; `reencrypt_key` keeps up with a new SECRET_KEY.
"""

import hmac
import logging
import re
import secrets
import unicodedata
from collections.abc import Collection, Iterable, Iterator

from anyascii import anyascii
from django.core.exceptions import ValidationError
from django.db.models import CharField, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.core.email_addresses import lookup_address
from accounts.core.encryption import DecryptionFailed, decrypt, encrypt, is_current
from accounts.models import FormerUsername, User, UsernameKey
from accounts.passwords.services import check_password_rules
from reprotech.core.exceptions import Conflict, ValidationFailed

logger = logging.getLogger(__name__)

Errors = dict[str, list[str]]

ENCRYPTION_PURPOSE = "erased usernames"
HASH_PREFIX = "hash:"
MIN_PROPOSED_LENGTH, MAX_PROPOSED_LENGTH, MAX_PROPOSALS = 3, 70, 999
NOT_IN_WORDS = re.compile(r"[^a-z0-9 ]")
#: Names are shorter; a longer text would keep the server busy.
MAX_READ_LENGTH = 200
#: More of them than this are looked up in the names of all accounts.
MAX_BEGINNINGS = 20
DIGITS = "0123456789"


def build_user(*, password: str | None, **fields: object) -> User:
    """A user who isn't stored yet, with fields and password that meet the rules, but without a usable password.

    Raises ValidationFailed with all that is wrong with the fields and the password.
    """
    user = User(**fields)
    if errors := {**_field_errors(user), **_password_errors(user, password)}:
        raise ValidationFailed(errors)
    user.set_unusable_password()
    user.invited_at = timezone.now() if password is None and not user.is_service else None
    if password is not None:
        user.password_changed_at = timezone.now()
    return user


def find_errors(user: User, *, password: str | None = None) -> Errors:
    """What is wrong with a changed or new user and password, taken names among it, for a form to show at once."""
    errors = {**_field_errors(user), **_password_errors(user, password)}
    valid = {name: "" if name in errors else getattr(user, name) for name in ("username", "email")}
    [taken] = find_taken_names([User(pk=user.pk, **valid)])
    return {**taken, **errors}


def validate_fields(user: User) -> None:
    if errors := _field_errors(user):
        raise ValidationFailed(errors)


def refuse_taken_names(user: User) -> None:
    [errors] = find_taken_names([user])
    if errors:
        raise Conflict(" ".join(sentence for sentences in errors.values() for sentence in sentences), errors)


def _field_errors(user: User) -> Errors:
    try:
        user.clean_fields(exclude=["password", "search_text"])
    except ValidationError as error:
        errors: Errors = error.message_dict
        return errors
    return {}


def _password_errors(user: User, password: str | None) -> Errors:
    try:
        if password is not None:
            check_password_rules(user, password, field="password")
    except ValidationFailed as refusal:
        return refusal.errors
    return {}


def find_taken_names(users: Iterable[User]) -> list[Errors]:
    """For each user, whose address is in canonical form, what is taken by other accounts; empty where nothing is.

    Deleted accounts keep their usernames, and people who were renamed or erased keep their former ones. Nor may a
    username be another's address: both are typed to sign in.
    """
    users = list(users)
    ids = [user.pk for user in users if user.pk]
    typed = [(user.username.lower(), lookup_address(user.username), user.email.lower()) for user in users]
    names = {name for forms in typed for name in forms}
    others = User.objects.exclude(pk__in=ids).annotate(
        username_lower=Lower("username"), email_lower=Lower("email", output_field=CharField())
    )
    usernames = set(others.filter(username_lower__in=names).values_list("username_lower", flat=True))
    usernames |= find_former_usernames(names, ids)
    addresses = set(others.existing().filter(email_lower__in=names).values_list("email_lower", flat=True))
    found = []
    for username, as_address, email in typed:
        errors: Errors = {}
        if username in usernames or as_address in addresses:
            errors["username"] = ["This username is taken."]
        if email in addresses or email in usernames:
            errors["email"] = ["This e-mail address is taken."]
        found.append(errors)
    return found


class UsernamePool:
    """Which of the usernames that start with one of some beginnings are taken: read once, in a fixed number of queries.

    As in `find_taken_names`, those of deleted and erased people and former ones are among them.
    """

    def __init__(self, beginnings: Collection[str]) -> None:
        self._keys = _readable_keys()
        self._taken: set[str] = set()
        accounts = User.objects.annotate(username_lower=Lower("username"))
        few = Q()
        if len(beginnings) <= MAX_BEGINNINGS:
            for beginning in beginnings:
                few |= Q(username_lower__startswith=beginning)
        for name in accounts.filter(few).values_list("username_lower", flat=True).iterator():
            if name.rstrip(DIGITS) in beginnings or name in beginnings:
                self._taken.add(name)
        self._former = set(FormerUsername.objects.values_list("name", flat=True))

    def is_taken(self, name: str) -> bool:
        return (
            name in self._taken or name in self._former or any(_hash(key, name) in self._former for key in self._keys)
        )


def propose_username(first_name: str, last_name: str) -> str:
    """Such as "ada.byron", or the first free of "ada.byron2" …; "" for names that have no letters."""
    base = username_base(first_name, last_name)
    if not base:
        return ""
    pool = UsernamePool({base})
    return next((name for name in numbered(base) if not pool.is_taken(name)), "")


def numbered(base: str) -> Iterator[str]:
    """ "ada.byron", "ada.byron2" …"""
    yield base
    yield from (f"{base}{number}" for number in range(2, MAX_PROPOSALS + 1))


def username_base(first_name: str, last_name: str) -> str:
    """What a username is made of, without a number; "" where the names are too short."""
    parts = [words[0] for words in (_plain_words(first_name),) if words] + ["-".join(_plain_words(last_name))]
    base = ".".join(part for part in parts if part)[:MAX_PROPOSED_LENGTH].strip(".-")
    return base if len(base) >= MIN_PROPOSED_LENGTH else ""


def _plain_words(name: str) -> list[str]:
    """The words of a name in ASCII: transliterated, without accents and apostrophes, hyphens as blanks."""
    # Of emoji and other signs it would spell the names.
    letters = "".join(letter for letter in name[:MAX_READ_LENGTH] if not unicodedata.category(letter).startswith("S"))
    letters = anyascii(unicodedata.normalize("NFC", letters)).casefold()
    return NOT_IN_WORDS.sub("", re.sub(r"[-.\s]", " ", letters)).split()


def refuse_former_usernames(users: Iterable[User]) -> None:
    """Raise Conflict if another account gave up one of the usernames a moment ago. Call it after storing the users."""
    # The unique index made the insert wait for the other transaction; only since its commit is the name seen here.
    users = list(users)
    if find_former_usernames({user.username.lower() for user in users}, [user.pk for user in users]):
        raise Conflict("The username or e-mail address was taken a moment ago.")


def remember_former_username(user: User, name: str) -> None:
    FormerUsername.objects.update_or_create(name=name.lower(), defaults={"user": user})


def hash_usernames(user: User) -> None:
    """Replace the present and former usernames of a user by hashes."""
    former = FormerUsername.objects.filter(user=user)
    names = {user.username.lower(), *former.values_list("name", flat=True)}
    key = next(reversed(_readable_keys()), "")
    if not key:
        key = secrets.token_hex(32)
        UsernameKey.objects.create(sealed_key=encrypt(key, ENCRYPTION_PURPOSE))
    FormerUsername.objects.bulk_create([FormerUsername(name=_hash(key, name)) for name in names], ignore_conflicts=True)
    former.delete()


def find_former_usernames(names: Collection[str], without: Iterable[int] = ()) -> set[str]:
    """Those of these names, in lower case, that once were usernames of accounts other than `without`."""
    # There are several keys where SECRET_KEY was lost for a while, and a name was erased meanwhile.
    hashes = {_hash(key, name): name for key in _readable_keys() for name in names}
    others = FormerUsername.objects.exclude(user_id__in=list(without))
    found = others.filter(name__in=[*names, *hashes]).values_list("name", flat=True)
    return {hashes.get(name, name) for name in found}


def reencrypt_key() -> None:
    """Encrypt the key under the present SECRET_KEY; logs an error if it can't be decrypted any more."""
    for row in UsernameKey.objects.all():
        try:
            key = decrypt(row.sealed_key, ENCRYPTION_PURPOSE)
        except DecryptionFailed:
            logger.error(
                "Usernames of erased people can't be recognized, and might be given to others: SECRET_KEY was replaced "
                "without the old one in SECRET_KEY_FALLBACKS. Put it there and restart."
            )
            continue
        if not is_current(row.sealed_key, ENCRYPTION_PURPOSE):
            # The filter on the old value: another process may have done it meanwhile.
            UsernameKey.objects.filter(pk=row.pk, sealed_key=row.sealed_key).update(
                sealed_key=encrypt(key, ENCRYPTION_PURPOSE)
            )


def _readable_keys() -> list[str]:
    keys = []
    for sealed in UsernameKey.objects.values_list("sealed_key", flat=True):
        try:
            keys.append(decrypt(sealed, ENCRYPTION_PURPOSE))
        except DecryptionFailed:
            continue  # `reencrypt_key` has logged it
    return keys


def _hash(key: str, name: str) -> str:
    return HASH_PREFIX + hmac.digest(bytes.fromhex(key), name.encode(errors="surrogatepass"), "sha256").hex()
