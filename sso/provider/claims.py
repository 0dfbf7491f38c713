"""What applications learn about a person: claims by scope (OpenID Connect Core, section 5)."""

from collections.abc import Collection
from typing import Any

from accounts.models import Permission, RoleGrant, User
from sso.models import Application, AppSignIn

OPENID, PROFILE, EMAIL, ROLES, PERMISSIONS, OFFLINE = (
    *("openid", "profile", "email", "roles", "permissions"),
    "offline_access",
)
SCOPES = (OPENID, PROFILE, EMAIL, ROLES, PERMISSIONS, OFFLINE)
#: Of an application that acts by itself: there is no person to know something about.
SERVICE_SCOPES = (ROLES, PERMISSIONS)
CLAIMS = (
    *("sub", "preferred_username", "name", "given_name", "family_name", "updated_at", "email", "email_verified"),
    *("roles", "groups", "permissions", "sid", "auth_time", "amr"),
)

Claims = dict[str, Any]


def allowed_scope(application: Application, requested: str, known: Collection[str] = SCOPES) -> str:
    """The scopes of a request that this application gets; unknown ones are passed over (OpenID Connect, 3.1.2.1)."""
    words = requested.split()
    refused = set() if application.offline_access else {OFFLINE}
    return " ".join(scope for scope in known if scope in words and scope not in refused)


def claims_of(sign_in: AppSignIn) -> Claims:
    """The claims about the person of a sign-in that its scope opens."""
    user, scopes = sign_in.user, sign_in.scope.split()
    claims: Claims = {"sub": str(user.subject.value)}
    if PROFILE in scopes:
        claims |= _profile(user)
    if EMAIL in scopes:
        claims |= {"email": user.email, "email_verified": user.email_verified_at is not None}
    if ROLES in scopes:
        # Not `grants`, which reads all permissions too.
        held = sorted(user.roles.order_by().values_list("position", "name", "slug"))
        slugs = [slug for _, _, slug in held]
        claims |= {"roles": slugs, "groups": slugs}
    if PERMISSIONS in scopes:
        claims["permissions"] = permissions_at(sign_in.application, user)
    return claims


def permissions_at(application: Application, user: User) -> list[str]:
    """The application's own permissions that the person holds, without its slug."""
    held = Permission.objects.filter(
        application_slug=application.slug,
        retired_at__isnull=True,
        roles__user_grants__in=RoleGrant.objects.current().filter(user=user).order_by(),
    ).distinct()
    names = held.order_by("name").values_list("name", flat=True)
    return [name.removeprefix(f"{application.slug}.") for name in names]


def _profile(user: User) -> Claims:
    claims: Claims = {
        "preferred_username": user.username,
        "name": user.full_name,
        "updated_at": int(user.updated_at.timestamp()),
    }
    if user.first_name:
        claims["given_name"] = user.first_name
    if user.last_name:
        claims["family_name"] = user.last_name
    return claims
