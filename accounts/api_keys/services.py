"""Creates, authenticates and revokes API keys."""

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Required, TypedDict, Unpack
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.access.authorization import service
from accounts.access.row_locks import lock_for_change
from accounts.access.user_events import record_user
from accounts.core.catalogue import in_catalogue_order
from accounts.core.exceptions import AccountDisabled, ApiKeyNotAllowed, OwnerOnly, TokenInvalid
from accounts.models import ApiKey, Permission, User
from accounts.models.grants import Grants
from accounts.notifications.services import send_notice
from accounts.permissions import USER_UPDATE
from accounts.reauthentication.services import reauthenticate
from accounts.sessions.services import TOUCH_INTERVAL
from accounts.throttling import rate_limits
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, NotFound, ValidationFailed
from reprotech.core.principal import Principal
from reprotech.core.reauthentication import require_recent_authentication, require_recent_authentication_for_tokens
from reprotech.core.request_context import current_origin, current_principal, set_principal

logger = logging.getLogger(__name__)

#: Starts every key, and no access token.
KEY_PREFIX = "rpt_"
#: `rpt_<prefix>_<secret>`, which secret scanners recognise.
KEY_PATTERN = re.compile(r"rpt_([0-9a-f]{12})_[0-9a-f]{64}", re.ASCII)
DEFAULT_DAYS = 365
MAX_DAYS = 730
MAX_KEYS_PER_USER = 50
MAX_ADDRESSES = 50


@dataclass(frozen=True, slots=True)
class CreatedKey:
    key: ApiKey
    text: str


class KeyOptions(TypedDict, total=False):
    name: Required[str]
    scopes: Required[Collection[str]]
    expires_in_days: int
    addresses: Collection[str]


def create_key(
    *, actor: Actor, user_id: int, current_password: str = "", otp: str = "", **options: Unpack[KeyOptions]
) -> CreatedKey:
    """Create a key for oneself, or for a service account that holds no more than the actor; its owner gets an e-mail.

    `current_password` and `otp` reauthenticate an actor whose session needs it.
    """
    if current_password and isinstance(actor, User):
        # Refused before the password is hashed; `_store_key` checks again in its transaction.
        service(_lock_owner_of_new_key)(actor=actor, user_id=user_id)
        reauthenticate(actor=actor, password=current_password, otp=otp, action=Action.KEY_CREATE)
        return _store_key(actor=actor, user_id=user_id, is_authenticated=True, **options)
    return _store_key(actor=actor, user_id=user_id, **options)


@service
def _store_key(
    *,
    actor: Actor,
    user_id: int,
    name: str,
    scopes: Collection[str],
    expires_in_days: int = DEFAULT_DAYS,
    addresses: Collection[str] = (),
    is_authenticated: bool = False,
) -> CreatedKey:
    owner = _lock_owner_of_new_key(actor, user_id)
    if not is_authenticated:
        require_recent_authentication_for_tokens()
    if not 1 <= expires_in_days <= MAX_DAYS:
        raise ValidationFailed({"expires_in_days": [f"Give a number of days from 1 to {MAX_DAYS}."]})
    _refuse_scopes(owner, scopes)
    prefix = secrets.token_hex(6)
    text = f"{KEY_PREFIX}{prefix}_{secrets.token_hex(32)}"
    key = ApiKey(
        user=owner,
        created_by_id=actor.pk,
        name=name,
        prefix=prefix,
        secret_hash=_hash(text),
        scopes=in_catalogue_order(set(scopes)),
        addresses=_networks(addresses),
        expires_at=_expiry(owner, expires_in_days),
    )
    try:
        key.clean_fields(exclude=["user", "scopes", "addresses"])
    except ValidationError as error:
        raise ValidationFailed(error.message_dict) from None
    # Under the owner's lock: two requests can't both find room for the last one.
    if owner.api_keys.unrevoked().count() >= MAX_KEYS_PER_USER:
        raise Conflict(f"There are {MAX_KEYS_PER_USER} keys already. Revoke one first.")
    key.save(force_insert=True)
    details = {"scopes": key.scopes, "addresses": len(key.addresses), "expires_at": key.expires_at}
    record_user(actor, Action.KEY_CREATE, owner, key=key.public_id, **details)
    send_notice(owner, "key_created", key=key.name, by=actor.username, by_themselves=actor.pk == owner.pk)
    return CreatedKey(key, text)


@service
def revoke_key(*, actor: Actor, user_id: int, key_id: UUID) -> ApiKey:
    """Revoke a key: one's own, or that of a user who holds no more than the actor."""
    _refuse_acting_by_key()
    require_recent_authentication()
    owner = _lock_owner(actor, user_id)
    key: ApiKey | None = owner.api_keys.unrevoked().filter(pk=key_id).first()
    if key is None:
        raise NotFound("key")
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    record_user(actor, Action.KEY_REVOKE, owner, key=key.public_id)
    return key


def _expiry(owner: User, days: int) -> datetime:
    """After so many days, and no later than the account."""
    expires_at = timezone.now() + timedelta(days=days)
    return expires_at if owner.ends_at is None else min(expires_at, owner.ends_at)


def _refuse_acting_by_key() -> None:
    if current_principal().api_key:
        # A key that creates keys would outlive its own revocation.
        raise ApiKeyNotAllowed


def _lock_owner_of_new_key(actor: Actor, user_id: int) -> User:
    """The locked user, if the actor may create keys for them."""
    _refuse_acting_by_key()
    owner = _lock_owner(actor, user_id)
    if not owner.may_get_key_from(actor.pk):
        raise OwnerOnly
    return owner


def _lock_owner(actor: Actor, user_id: int) -> User:
    """The locked user, if the actor may revoke their keys."""
    if actor.pk != user_id:
        return lock_for_change(actor, user_id, USER_UPDATE)
    owner: User | None = User.objects.active().lock(user_id)
    if owner is None:
        raise NotFound("user")
    return owner


def _refuse_scopes(owner: User, scopes: Collection[str]) -> None:
    found = Permission.objects.grantable().filter(name__in=set(scopes))
    if unknown := sorted(set(scopes) - set(found.values_list("name", flat=True))):
        raise ValidationFailed({"scopes": [f"There is no permission {name}." for name in unknown]})
    missing = in_catalogue_order(set(scopes) - owner.grants.permissions)
    if missing:
        raise ValidationFailed(
            {"scopes": [f"{owner.username} doesn't hold {', '.join(missing)}: a key can't do more."]}
        )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _networks(addresses: Collection[str]) -> list[str]:
    if len(addresses) > MAX_ADDRESSES:
        raise ValidationFailed({"addresses": [f"Give at most {MAX_ADDRESSES} addresses or networks."]})
    networks, errors = [], []
    for address in addresses:
        try:
            networks.append(str(ip_network(address)))
        except ValueError:
            errors.append(f"{address[:50]} is no address or network such as 192.0.2.7 or 192.0.2.0/24.")
    if errors:
        raise ValidationFailed({"addresses": errors})
    return list(dict.fromkeys(networks))


def load_key(text: str) -> ApiKey:
    """The genuine key of this text, whatever its state, with its user's grants loaded; raises TokenInvalid."""
    match = KEY_PATTERN.fullmatch(text)
    if match is None:
        raise TokenInvalid
    key: ApiKey | None = ApiKey.objects.with_grants().filter(prefix=match[1]).first()
    if key is None or not hmac.compare_digest(key.secret_hash, _hash(text)):
        # No audit row: strangers could fill the log.
        logger.warning("An unknown API key was refused.")
        raise TokenInvalid
    key.user.grants = Grants.loaded_with(key)
    return key


def authenticate_key(*, text: str) -> ApiKey:
    """The key of the request, if it may be used from its address. Raises TokenInvalid or AccountDisabled."""
    # Keys aren't cached: revoking takes effect with the next request.
    key, address = load_key(text), current_origin().ip_address
    if not key.user.can_sign_in:
        raise TokenInvalid if key.user.deleted_at is not None else AccountDisabled
    if reason := refusal_reason(key, address):
        _record_refusal(key, address, reason)
        raise TokenInvalid
    set_principal(Principal(user_id=key.user_id, api_key=key.public_id, scopes=frozenset(key.scopes)))
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= TOUCH_INTERVAL:
        key.last_used_at, key.last_used_from = now, address or None
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now, last_used_from=key.last_used_from)
    return key


def refusal_reason(key: ApiKey, address: str) -> str:
    """Why a key can't be used from an address, or ""."""
    if key.revoked_at is not None:
        return "The key is revoked."
    if key.is_expired:
        return "The key has expired."
    if key.has_lost_its_maker:
        return "The account that made this key for its owner can't sign in any more."
    return "" if key.is_open_to(address) else "The key is not good from this address."


def _record_refusal(key: ApiKey, address: str, reason: str) -> None:
    # One row per window: a script that goes on trying must not flood the log.
    if rate_limits.is_first_refusal(f"key-{key.pk}", address):
        record(
            actor=key.user,
            action=Action.ACCESS_DENIED,
            resource="auth",
            success=False,
            reason=reason,
            key=key.public_id,
            method=current_origin().method,
            path=current_origin().path[:200],
        )
