"""Each way to change a row without a service leaves one event that names what changed, and no secret."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Upper
from django.utils import timezone

from accounts.models import ApiKey, Permission, RecoveryCode, Role, RoleGrant, Session, TotpKey, User
from accounts.tests.support.tracked_rows import DIRECTLY, EXPIRY, replaced, saved, users, with_fixture, with_password
from audit.models import AuditLog
from audit.presentation.event_text import sentence
from reprotech.testing.cast import give_role, take_role

#: Each statement with what is recorded of it, and of nothing else. The first are those with which the gap was shown.
STATEMENTS = {
    "new user": (lambda s: User(username="eve", email="eve@lab.example").save(), ["system created the user eve"]),
    "two fields": (
        lambda s: saved(s.user, is_active=False, first_name="Eve"),
        ["system changed the first name and status of the user the-viewer"],
    ),
    "update_fields": (
        lambda s: (setattr(s.user, "is_active", False), s.user.save(update_fields=["is_active"])),
        ["system deactivated the-viewer"],
    ),
    "password": (lambda s: with_password(s.user), ["system changed the password of the-viewer"]),
    "last login": (lambda s: saved(s.user, last_login=timezone.now()), []),
    "last login alone": (lambda s: s.user.save(update_fields=["last_login"]), []),
    "role given": (lambda s: s.user.roles.add(s.more), ["system gave the-viewer the role Super Administrator"]),
    "role given again": (lambda s: s.user.roles.add(s.role), []),
    "roles replaced": (
        lambda s: s.user.roles.set([s.more]),
        ["system took the role Viewer from the-viewer", "system gave the-viewer the role Super Administrator"],
    ),
    "roles cleared": (lambda s: s.user.roles.clear(), ["system took the role Viewer from the-viewer"]),
    "roles cleared of nobody": (lambda s: s.stranger.roles.clear(), []),
    "role taken": (lambda s: s.user.roles.remove(s.role), ["system took the role Viewer from the-viewer"]),
    "role taken that isn't held": (lambda s: s.user.roles.remove(s.more), []),
    "user added to role": (
        lambda s: give_role(s.more, s.other, s.user),
        ["system gave the-manager the role Super Administrator", "system gave the-viewer the role Super Administrator"],
    ),
    "user removed from role": (
        lambda s: take_role(s.role, s.user, s.other),
        ["system took the role Viewer from the-viewer"],
    ),
    "users cleared": (lambda s: s.role.user_grants.all().delete(), ["system took the role Viewer from the-viewer"]),
    "permission given": (
        lambda s: s.role.permissions.add(s.right),
        ["system changed the permissions of the role Viewer"],
    ),
    "permission taken": (
        lambda s: s.role.permissions.remove(Permission.objects.get(name="animal_read")),
        ["system changed the permissions of the role Viewer"],
    ),
    "role given a permission": (
        lambda s: s.right.roles.add(s.role),
        ["system changed the permissions of the role Viewer"],
    ),
    "update": (
        lambda s: users(s.user).update(is_active=False, locked_at=timezone.now()),
        ["system changed the status and lock of the user the-viewer"],
    ),
    "update of several": (
        lambda s: users(s.user, s.other).update(locked_at=timezone.now()),
        ["system locked the-manager", "system locked the-viewer"],
    ),
    "update of what is so": (lambda s: users(s.user).update(is_active=True), []),
    "update of nobody": (lambda s: User.objects.none().update(is_active=False), []),
    "update of the last login": (lambda s: users(s.user).update(last_login=timezone.now()), []),
    "update by expression": (
        lambda s: users(s.user).update(first_name=Upper(F("username"))),
        ["system changed the first name of the user the-viewer"],
    ),
    "update of locked rows": (
        lambda s: users(s.user).select_for_update().order_by("-pk").update(is_service=True),
        ["system changed the kind of account of the user the-viewer"],
    ),
    "update through the base manager": (
        lambda s: User._base_manager.filter(pk=s.user.pk).update(is_active=False),
        ["system deactivated the-viewer"],
    ),
    "saved expression": (
        lambda s: saved(s.key, expires_at=F("expires_at") + timedelta(days=9)),
        ["system changed the expiry of the API key rpt_tracked-key1 of the-viewer"],
    ),
    "new key": (
        lambda s: ApiKey(user=s.user, name="x", prefix="back-door-12", expires_at=EXPIRY).save(force_insert=True),
        ["system made the API key rpt_back-door-12 for the-viewer"],
    ),
    "key for longer": (
        lambda s: saved(s.key, expires_at=EXPIRY + timedelta(days=9000)),
        ["system changed the expiry of the API key rpt_tracked-key1 of the-viewer"],
    ),
    "key's secret": (
        lambda s: saved(s.key, secret_hash="1" * 64),
        ["system changed the secret of the API key rpt_tracked-key1 of the-viewer"],
    ),
    "key revoked": (
        lambda s: saved(s.key, revoked_at=timezone.now()),
        ["system revoked the API key rpt_tracked-key1 of the-viewer"],
    ),
    "key deleted": (lambda s: s.key.delete(), ["system revoked the API key rpt_tracked-key1 of the-viewer"]),
    "key given to another": (
        lambda s: s.other.api_keys.add(s.key),
        ["system changed the owner of the API key rpt_tracked-key1 of the-manager"],
    ),
    "key used": (lambda s: saved(s.key, last_used_at=timezone.now(), name="Another name"), []),
    "bulk_create": (
        lambda s: User.objects.bulk_create([User(username="eve", email="eve@lab.example")]),
        ["system created the user eve"],
    ),
    "bulk_create that ignores": (
        lambda s: User.objects.bulk_create(
            [User(username="the-viewer", email="x@lab.example"), User(username="eve", email="eve@lab.example")],
            ignore_conflicts=True,
        ),
        ["system created the user eve"],
    ),
    "bulk_create that updates": (
        lambda s: Role.objects.bulk_create(
            [Role(slug="viewer", name="Seer"), Role(slug="new", name="New")],
            update_conflicts=True,
            unique_fields=["slug"],
            update_fields=["name"],
        ),
        ["system created the role New", "system changed the name of the role Seer"],
    ),
    "bulk_update": (
        lambda s: (setattr(s.user, "first_name", "Bulk"), User.objects.bulk_update([s.user], ["first_name"])),
        ["system changed the first name of the user the-viewer"],
    ),
    "update_or_create": (
        lambda s: User.objects.update_or_create(pk=s.user.pk, defaults={"is_active": False}),
        ["system deactivated the-viewer"],
    ),
    "get_or_create": (
        lambda s: Role.objects.get_or_create(slug="new", defaults={"name": "New"}),
        ["system created the role New"],
    ),
    "new role": (lambda s: Role(slug="new", name="New").save(), ["system created the role New"]),
    "role deleted": (lambda s: s.role.delete(), ["system deleted the role Viewer"]),
    "users deleted": (lambda s: users(s.stranger).delete(), ["system deleted the user the-stranger"]),
    "user deleted with what is theirs": (lambda s: s.user.delete(), ["system deleted the user the-viewer"]),
    "raw deletion": (
        lambda s: RecoveryCode.objects.filter(user=s.user)._raw_delete("default"),
        ["system removed a recovery code of the-viewer"],
    ),
    "soft deletion": (lambda s: saved(s.user, deleted_at=timezone.now()), ["system deleted the user the-viewer"]),
    "permission": (
        lambda s: saved(s.right, name="user_erase"),
        ["system changed the name of the permission user_erase"],
    ),
    "replaced": (lambda s: replaced(s.user), ["system deactivated the-viewer"]),
    "copied": (
        lambda s: saved(s.user, pk=None, username="eve", email="eve@lab.example"),
        ["system created the user eve"],
    ),
    "copied to a key": (
        lambda s: saved(s.user, pk=10**9, username="eve", email="eve@lab.example"),
        ["system created the user eve"],
    ),
    "fixture": (
        lambda s: with_fixture(s.user, '"is_active": true', '"is_active": false'),
        ["system deactivated the-viewer"],
    ),
    "end of a role": (
        lambda s: RoleGrant.objects.filter(user=s.user).update(ends_at=EXPIRY),
        ["system changed the end of the role Viewer of the-viewer"],
    ),
    "end of an account": (
        lambda s: saved(s.user, ends_at=EXPIRY),
        ["system changed the end of the user the-viewer"],
    ),
    "fixture with another role": (
        lambda s: with_fixture(s.user.role_grants.get(), f'"role": {s.role.pk}', f'"role": {s.more.pk}'),
        ["system changed the role of the role Super Administrator of the-viewer"],
    ),
    "session ended": (
        lambda s: saved(s.session, ended_at=timezone.now()),
        ["system ended a session of the-viewer"],
    ),
    "session that nobody signed in for": (
        lambda s: Session.objects.create(user=s.user, kind="token", expires_at=EXPIRY),
        ["system created a session of the-viewer"],
    ),
    "session for longer": (
        lambda s: Session.objects.filter(pk=s.session.pk).update(expires_at=EXPIRY + timedelta(days=900)),
        ["system changed the expiry of a session of the-viewer"],
    ),
    "session used": (lambda s: saved(s.session, last_used_at=timezone.now()), []),
    "sessions deleted": (lambda s: s.user.sessions.all().delete(), ["system deleted a session of the-viewer"]),
    "authenticator app": (
        lambda s: TotpKey.objects.create(user=s.other, sealed_key="x"),
        ["system set up an authenticator app as second factor for the-manager"],
    ),
    "authenticator app's key": (
        lambda s: saved(s.app, sealed_key="x"),
        ["system changed the key of the authenticator app of the-viewer"],
    ),
    "authenticator app removed": (
        lambda s: s.app.delete(),
        ["system removed an authenticator app as second factor of the-viewer"],
    ),
    "passkey": (
        lambda s: saved(s.passkey, credential=b"another"),
        ["system changed the public key of the passkey of the-viewer"],
    ),
    "passkey renamed": (lambda s: saved(s.passkey, name="Mine"), []),
    "passkey removed": (lambda s: s.passkey.delete(), ["system removed a passkey of the-viewer"]),
    "recovery code": (
        lambda s: RecoveryCode.objects.create(user=s.user, code_hash="another"),
        ["system added a recovery code of the-viewer"],
    ),
    "address to be confirmed": (
        lambda s: saved(s.change, address="evil@lab.example"),
        ["system changed the address of the unconfirmed e-mail address of the-viewer"],
    ),
    "mail to elsewhere": (
        lambda s: saved(s.mail, address="evil@lab.example"),
        ["system changed the address of the outgoing mail of the-viewer"],
    ),
    "mail that left": (lambda s: s.mail.delete(), []),
}


@pytest.mark.parametrize(("statement", "said"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_change_without_a_service_is_recorded_once_and_names_what_changed(seen, statement, said):
    statement(seen)
    rows = seen.rows()
    assert [sentence(row) for row in rows] == [f"{one}{DIRECTLY}" for one in said]
    for row in rows:
        assert (row.details["source"], row.username, row.success) == ("orm", "system", True)


SECRETS = {
    "password": (lambda s: with_password(s.user), lambda s: [s.user.password, s.user.password[-12:]]),
    "key": (lambda s: saved(s.key, secret_hash="ab" * 32, addresses=["198.51.100.7"]), lambda s: ["abab", "198.51"]),
    "authenticator app": (lambda s: saved(s.app, sealed_key="very-secret"), lambda s: ["very", "cret", "sealed:"]),
    "passkey": (lambda s: saved(s.passkey, credential=b"pubpub"), lambda s: ["pubpub", "idid", "Anna"]),
    "recovery code": (lambda s: RecoveryCode.objects.create(user=s.user, code_hash="abab"), lambda s: ["abab"]),
    "refresh token": (lambda s: saved(s.session, refresh_hash="abab"), lambda s: ["abab"]),
    "new user": (
        lambda s: User(username="eve", email="", password="$2b$abab").save(),
        lambda s: ["$2b$", "abab"],
    ),
    "deleted": (lambda s: s.user.delete(), lambda s: [s.user.password[:7], s.user.password[-12:]]),
}


@pytest.mark.parametrize(("statement", "secrets"), SECRETS.values(), ids=SECRETS)
def test_no_part_of_a_secret_is_recorded_but_its_name(seen, statement, secrets):
    statement(seen)
    (row,) = seen.rows()
    assert row.details["concealed"]
    written = str(AuditLog.objects.filter(pk=row.pk).values().get())
    for secret in secrets(seen):
        assert secret not in written
