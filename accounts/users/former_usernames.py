"""Remembering the usernames that accounts had, also of people who were erased, without telling which these were.

Names are few enough to try them all, so what is kept of an erased one is an HMAC under a random key. That key stands
in the database encrypted under SECRET_KEY: with the database alone nobody can try names. At every start it is
encrypted again under today's SECRET_KEY, so that nothing is forgotten when the last of SECRET_KEY_FALLBACKS goes.
"""

import hmac
import logging
import secrets
from collections.abc import Collection, Iterable

from accounts.core.encryption import DecryptionFailed, decrypt, encrypt, is_current
from accounts.models import FormerUsername, User, UsernameKey

logger = logging.getLogger(__name__)

ENCRYPTION_PURPOSE = "erased usernames"
HASH_PREFIX = "hash:"


def remember_former_username(user: User, name: str) -> None:
    """Note that a username was the user's, as part of the change that takes it from them."""
    FormerUsername.objects.update_or_create(name=name.lower(), defaults={"user": user})


def hash_usernames(user: User) -> None:
    """Keep of the present and former usernames of a user nothing but hashes, as part of their erasure."""
    former = FormerUsername.objects.filter(user=user)
    names = {user.username.lower(), *former.values_list("name", flat=True)}
    key = next(reversed(_readable_keys()), None) or _new_key()
    FormerUsername.objects.bulk_create([FormerUsername(name=_hash(key, name)) for name in names], ignore_conflicts=True)
    former.delete()


def find_former_usernames(names: Collection[str], without: Iterable[int] = ()) -> set[str]:
    """Those of these names, in lower case, that once were the username of an account other than those of the ids."""
    hashes = {_hash(key, name): name for key in _readable_keys() for name in names}
    others = FormerUsername.objects.exclude(user_id__in=list(without))
    found = others.filter(name__in=[*names, *hashes]).values_list("name", flat=True)
    return {hashes.get(name, name) for name in found}


def reencrypt_key() -> None:
    """Encrypt the key under today's SECRET_KEY, and say so if it can't be read any more."""
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
            # Unless another process did it meanwhile.
            UsernameKey.objects.filter(pk=row.pk, sealed_key=row.sealed_key).update(
                sealed_key=encrypt(key, ENCRYPTION_PURPOSE)
            )


def _readable_keys() -> list[str]:
    found = []
    for sealed in UsernameKey.objects.values_list("sealed_key", flat=True):
        try:
            found.append(decrypt(sealed, ENCRYPTION_PURPOSE))
        except DecryptionFailed:
            continue  # `renew_key` has said so
    return found


def _new_key() -> str:
    key = secrets.token_hex(32)
    UsernameKey.objects.create(sealed_key=encrypt(key, ENCRYPTION_PURPOSE))
    return key


def _hash(key: str, name: str) -> str:
    return HASH_PREFIX + hmac.digest(bytes.fromhex(key), name.encode(errors="surrogatepass"), "sha256").hex()
