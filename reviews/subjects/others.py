"""Roles, API keys and applications as lines of a review."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.utils import timezone

from accounts.models import ApiKey, Role
from reviews.models import ItemKind, ReviewItem
from reviews.subjects.lines import MAX_LINES, Facts, Line
from sso.models import Application

ROLE_FIELDS = ("role", "permissions", "requires_factor")
KEY_FIELDS = ("scopes", "addresses", "expires_at")
APPLICATION_FIELDS = ("name", "is_active", "roles", "redirect_uris")


def role_lines(roles: Iterable[Role]) -> list[Line]:
    """A line for each role itself: whether it still needs what it holds."""
    wanted = [role.pk for role in roles]
    found = Role.objects.filter(pk__in=wanted).with_permissions().with_user_count()
    return [
        Line(
            ItemKind.ROLE,
            _role_facts(role) | {"holders": role.user_count, "updated_at": _text(role.updated_at)},
            role_id=role.pk,
            order=(0, role.position, role.name),
        )
        for role in found
    ]


def key_lines() -> list[Line]:
    keys = ApiKey.objects.unrevoked().filter(user__deleted_at__isnull=True, expires_at__gt=timezone.now())
    return [
        Line(
            ItemKind.KEY,
            _key_facts(key)
            | {
                "last_used_at": _text(key.last_used_at),
                "granted_by": key.created_by_id,
                "granted_at": _text(key.created_at),
                "granted_reason": "",
            },
            user_id=key.user_id,
            key_id=key.pk,
            order=(key.user.username.lower(), key.created_at, str(key.pk)),
        )
        for key in keys.select_related("user").order_by("created_at")[: MAX_LINES + 1]
    ]


def application_lines() -> list[Line]:
    found = Application.objects.all().with_roles().with_sign_in_count().with_last_sign_in()
    return [
        Line(
            ItemKind.APPLICATION,
            _application_facts(application)
            | {
                "signed_in": application.sign_in_count,
                "last_sign_in": _text(getattr(application, "last_sign_in_at", None)),
                "granted_at": _text(application.created_at),
            },
            application_id=application.pk,
            order=(application.name.lower(), application.pk),
        )
        for application in found
    ]


def present_roles(items: Collection[ReviewItem]) -> dict[int, Facts | None]:
    wanted = [item.role_id for item in items if item.kind == ItemKind.ROLE and item.role_id]
    found = {role.pk: role for role in Role.objects.filter(pk__in=wanted).with_permissions()} if wanted else {}
    return {
        item.pk: _role_facts(found[item.role_id]) if item.role_id in found else None
        for item in items
        if item.kind == ItemKind.ROLE
    }


def present_keys(items: Collection[ReviewItem]) -> dict[int, Facts | None]:
    """None where the key is revoked or expired."""
    return {
        item.pk: _key_facts(item.key) if item.key and not item.key.revoked_at and not item.key.is_expired else None
        for item in items
        if item.kind == ItemKind.KEY
    }


def present_applications(items: Collection[ReviewItem]) -> dict[int, Facts | None]:
    wanted = [item.application_id for item in items if item.kind == ItemKind.APPLICATION and item.application_id]
    found = {row.pk: row for row in Application.objects.filter(pk__in=wanted).with_roles()} if wanted else {}
    return {
        item.pk: _application_facts(found[item.application_id]) if item.application_id in found else None
        for item in items
        if item.kind == ItemKind.APPLICATION
    }


def _role_facts(role: Role) -> Facts:
    return {
        "role": role.name,
        "permissions": sorted(permission.name for permission in role.permissions.all()),
        "requires_factor": role.requires_factor,
    }


def _key_facts(key: ApiKey) -> Facts:
    return {
        "key": key.public_id,
        "scopes": sorted(key.scopes),
        "addresses": sorted(key.addresses),
        "expires_at": _text(key.expires_at),
    }


def _application_facts(application: Application) -> Facts:
    return {
        "name": application.name,
        "is_active": application.is_active,
        "roles": sorted(role.name for role in application.roles.all()),
        "redirect_uris": sorted(application.redirect_uris),
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
