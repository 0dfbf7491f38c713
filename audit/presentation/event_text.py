"""What an audit row says, as a sentence for people: pure functions, nothing is looked up."""

from collections.abc import Callable
from typing import Any

from audit.models import Action, AuditLog
from audit.presentation import database_event_text
from audit.presentation.field_names import RECORD_LABELS, field_label

#: Why a key was revoked with something else, by `details.reason`.
KEY_REVOCATIONS = {
    "password_reset": "the password was reset",
    "password_change": "the password was changed",
    "factors_removed": "a second factor was removed",
    "sessions_ended": "all sessions were ended",
    "account_deleted": "the account was deleted",
    "maker_disabled": "the account that made it lost access",
}
#: Whoever had their personal data erased.
ERASED_PERSON = "an erased person"
#: How a change was made that no service made, by `details.source`.
SOURCE_SUFFIXES = {"orm": " directly, not through a service of Reprotech"}
RESOURCE_NOUNS = {"audit": ("event", "events"), "user": ("user", "users"), "role": ("role", "roles")}


def sentence(event: AuditLog) -> str:
    """Who did what, or tried to: without a full stop, to stand in a list or a heading."""
    if event.details.get("source") == database_event_text.SOURCE:
        return database_event_text.database_sentence(event, _typed_target(event))
    phrase = PHRASES.get(event.action, _unknown_action)
    found = phrase(event, actor(event)) + SOURCE_SUFFIXES.get(str(event.details.get("source")), "")
    return found[0].upper() + found[1:] if event.is_actor_erased else found


def actor(event: AuditLog) -> str:
    """The name of who acted."""
    return _erased_person(event.user_id) if event.is_actor_erased else event.username or "Someone"


def _erased_person(number: object) -> str:
    """An erased person, told from others by the number that stays."""
    return f"{ERASED_PERSON} (user {number})" if number else ERASED_PERSON


def _login(event: AuditLog, who: str) -> str:
    if not event.success:
        return f"Signing in as {who} failed{_reason(event)}"
    return f"{who} signed in" + (" through the API" if event.details.get("kind") == "token" else "")


def _logout(event: AuditLog, who: str) -> str:
    return _outcome(event, who, "signed out", "sign out")


def _token_refresh(event: AuditLog, who: str) -> str:
    if not event.success:
        return f"A session of {who} was ended{_reason(event)}"
    return f"{who} renewed an access token"


def _session_revoke(event: AuditLog, who: str) -> str:
    ended = event.details.get("ended_sessions")
    if ended and not _is_own(event):
        whose = _target(event) if event.resource_name or event.is_subject_erased else "everybody"
        what = f"the session of {whose}" if ended == 1 else f"all {ended} sessions of {whose}"
        return _outcome(event, who, f"ended {what}", f"end {what}")
    if ended:
        others = "their other session" if ended == 1 else f"their {ended} other sessions"
        return _outcome(event, who, f"ended {others}", f"end {others}")
    whose = "one of their own sessions" if _is_own(event) else f"a session of {_target(event)}"
    return _outcome(event, who, f"ended {whose}", f"end {whose}")


def _session_end(event: AuditLog, who: str) -> str:
    why = {"idle": ": it wasn't used any more", "age": ": it had lasted as long as one may"}
    return f"A session of {who} ended by itself" + why.get(str(event.details.get("reason") or ""), "")


def _create(event: AuditLog, who: str) -> str:
    what = _typed_target(event)
    if _new_value(event, "is_service"):
        what = f"the service account {_target(event)}"
    if roles := _new_value(event, "roles"):
        what += f" with {_roles(roles)}"
    return _outcome(event, who, f"created {what}", f"create {what}")


def _update(event: AuditLog, who: str) -> str:
    if event.resource == "database":
        return _database(event, who)
    if event.details.get("record") in RECORD_LABELS:
        return _user_record(event, who)
    changes = event.changes
    if step := event.details.get("email_change"):
        return f"{who} {'asked to change' if step == 'asked' else 'gave up changing'} their e-mail address"
    active = changes.get("is_active")
    if len(changes) == 1 and active and not event.details.get("concealed"):
        past, verb = ("activated", "activate") if active[1] else ("deactivated", "deactivate")
        return _outcome(event, who, f"{past} {_target(event)}", f"{verb} {_target(event)}")
    if event.details.get("concealed") == ["password_hash"]:  # hashed again at a sign-in: it is the same password
        return f"{who} stored the password of {_target(event)} in the present form"
    fields = _fields(event)
    owner = "their own account" if event.resource == "user" and _is_own(event) else _typed_target(event)
    what = f"the {fields} of {owner}" if fields else owner
    return _outcome(event, who, f"changed {what}", f"change {what}")


def _fields(event: AuditLog) -> str:
    concealed = event.details.get("concealed")
    return _listed(
        [field_label(name) for name in [*event.changes, *(concealed if isinstance(concealed, list) else [])]]
    )


def _user_record(event: AuditLog, who: str) -> str:
    """A change of what a user has, which no service made."""
    what = f"{RECORD_LABELS[event.details['record']]} of {_target(event)}"
    if event.details["record"] == "api_key":
        what = f"API key {_key(event)} of {_target(event)}"
    done = {"created": "added", "deleted": "removed"}.get(str(event.details.get("row")))
    if done:
        return f"{who} {done} {'an' if what[0] in 'aeiou' else 'a'} {what}"
    fields = _fields(event)
    return f"{who} changed the {f'{fields} of the ' if fields else ''}{what}"


def _database(event: AuditLog, who: str) -> str:
    if moment := event.details.get("restored_to"):
        as_of = f"as it was at {str(moment)[:16].replace('T', ' ')} UTC"
        return _outcome(event, who, f"restored the database {as_of}", f"restore the database {as_of}")
    return _outcome(event, who, "moved the database to PostgreSQL", "move the database to PostgreSQL")


def _delete(event: AuditLog, who: str) -> str:
    return _outcome(event, who, f"deleted {_typed_target(event)}", f"delete {_typed_target(event)}")


def _password_change(event: AuditLog, who: str) -> str:
    return _outcome(event, who, "changed their password", "change their password")


def _password_reset(event: AuditLog, who: str) -> str:
    target = _target(event)
    if event.details.get("source"):
        return f"{who} changed the password of {target}"
    if event.details.get("is_forgotten"):
        # Whoever it was didn't sign in: it may have been anybody.
        return (
            f"Someone forgot the password of {target}: a link to choose a new one was sent"
            if event.success
            else f"Someone forgot the password of {who}, and no link was sent{_reason(event)}"
        )
    if event.details.get("sent_to"):
        return _outcome(event, who, f"sent {target} a link to reset the password", f"send {target} a link")
    return _outcome(event, who, f"set a new password for {target}", f"set a new password for {target}")


def _lock(event: AuditLog, who: str) -> str:
    return _outcome(event, who, f"locked {_target(event)}", f"lock {_target(event)}")


def _unlock(event: AuditLog, who: str) -> str:
    target = _target(event)
    if event.success and event.changes.get("locked") == [False, False]:
        return f"{who} let {target} try to sign in again"
    return _outcome(event, who, f"unlocked {target}", f"unlock {target}")


def _role_assign(event: AuditLog, who: str) -> str:
    roles = _roles(event.details.get("roles") or [])
    return _outcome(event, who, f"gave {_target(event)} {roles}", f"give {_target(event)} {roles}")


def _role_revoke(event: AuditLog, who: str) -> str:
    roles = _roles(event.details.get("roles") or [])
    return _outcome(event, who, f"took {roles} from {_target(event)}", f"take {roles} from {_target(event)}")


def _export(event: AuditLog, who: str) -> str:
    if event.resource == "database":
        return _outcome(event, who, "made a backup of everything", "make a backup of everything")
    one, many = RESOURCE_NOUNS.get(event.resource, ("row", "rows"))
    rows = event.details.get("rows")
    what = many if rows is None else f"{rows:,} {one if rows == 1 else many}" if isinstance(rows, int) else many
    if event.resource == "audit":
        what += " of the audit log"
    if event.details.get("format") == "report":
        return _outcome(event, who, f"made a report of {what}", f"make a report of {what}")
    if file_format := event.details.get("format"):
        what += " with proof" if file_format == "bundle" else f" as {str(file_format).upper()}"
    return _outcome(event, who, f"exported {what}", f"export {what}")


def _access_denied(event: AuditLog, who: str) -> str:
    if event.resource == "auth" and event.details.get("key"):
        return f"The API key {_key(event)} of {who} was refused{_reason(event)}"
    required = str(event.details.get("required") or "")
    what = f"{event.details.get('method') or ''} {event.details.get('path') or ''}".strip() or "something"
    on = f" for {_target(event)}" if event.resource_name else ""
    reason = {
        "": "they may not do it",
        "admin_site": "only Super Administrators may",
        "undeclared": "it is open to nobody",
    }.get(required, f"the permission {required} is missing")
    return f"{who} was refused {what}{on}: {reason}"


def _key_rotate(event: AuditLog, who: str) -> str:
    if event.details.get("old_key_is_lost"):
        return f"{who} replaced the audit log's lost signing key"
    rest = "the audit log over to a new signing key"
    return _outcome(event, who, f"handed {rest}", f"hand {rest}")


def _erase(event: AuditLog, who: str) -> str:
    parts = [event.details.get(name) for name in ("actor_parts", "subject_parts")]
    number = len({pk for found in parts if isinstance(found, list) for pk in found})
    whose = f"user {event.resource_id}" if event.resource_id else "someone"
    past = f"erased the personal data of {whose}, also in {_event_count(number)}"
    return _outcome(event, who, past, f"erase the personal data of {whose}")


def _archive(event: AuditLog, who: str) -> str:
    number = event.details.get("events")
    what = _event_count(number) if isinstance(number, int) else "events"
    return _outcome(event, who, f"archived {what} and removed them from the database", f"archive {what}")


def _key_create(event: AuditLog, who: str) -> str:
    what = f"the API key {_key(event)}"
    whose = "" if _is_own(event) else f" for {_target(event)}"
    return _outcome(event, who, f"made {what}{whose}", f"make {what}{whose}")


def _key_revoke(event: AuditLog, who: str) -> str:
    what = f"the API key {_key(event)}"
    whose = "" if _is_own(event) else f" of {_target(event)}"
    if cause := KEY_REVOCATIONS.get(str(event.details.get("reason"))):
        return f"{who} revoked {what}{whose}, since {cause}"
    return _outcome(event, who, f"revoked {what}{whose}", f"revoke {what}{whose}")


def _key(event: AuditLog) -> str:
    return str(event.details.get("key") or "").strip() or "of an unknown number"


def _factor_add(event: AuditLog, who: str) -> str:
    whose = f" for {_target(event)}" if event.resource == "user" else ""
    return _outcome(event, who, f"set up {_factor(event)}{whose}", f"set up {_factor(event)}{whose}")


def _factor_remove(event: AuditLog, who: str) -> str:
    whose = f" of {_target(event)}" if event.resource == "user" else ""
    return _outcome(event, who, f"removed {_factor(event)}{whose}", f"remove {_factor(event)}{whose}")


def _factor_reset(event: AuditLog, who: str) -> str:
    what = f"all second factors of {_target(event)}"
    return _outcome(event, who, f"removed {what}", f"remove {what}")


def _recovery_code_used(event: AuditLog, who: str) -> str:
    left = event.details.get("left")
    rest = f", {left} left" if isinstance(left, int) else ""
    return _outcome(event, who, f"signed in with a recovery code{rest}", "sign in with a recovery code")


def _recovery_codes_renewed(event: AuditLog, who: str) -> str:
    return _outcome(event, who, "made new recovery codes", "make new recovery codes")


def _factor(event: AuditLog) -> str:
    if event.details.get("kind") == "totp":
        return "an authenticator app as second factor"
    is_named = event.resource_name and event.resource != "user"
    return f"the passkey “{event.resource_name}”" if is_named else "a passkey"


def _unknown_action(event: AuditLog, who: str) -> str:
    words = event.action.replace("_", " ")
    return _outcome(event, who, f"did “{words}” to {_typed_target(event)}", f"do “{words}” to {_typed_target(event)}")


PHRASES: dict[str, Callable[[AuditLog, str], str]] = {
    Action.LOGIN: _login,
    Action.LOGOUT: _logout,
    Action.TOKEN_REFRESH: _token_refresh,
    Action.SESSION_REVOKE: _session_revoke,
    Action.SESSION_END: _session_end,
    Action.CREATE: _create,
    Action.UPDATE: _update,
    Action.DELETE: _delete,
    Action.PASSWORD_CHANGE: _password_change,
    Action.PASSWORD_RESET: _password_reset,
    Action.LOCK: _lock,
    Action.UNLOCK: _unlock,
    Action.ROLE_ASSIGN: _role_assign,
    Action.ROLE_REVOKE: _role_revoke,
    Action.EXPORT: _export,
    Action.ACCESS_DENIED: _access_denied,
    Action.KEY_ROTATE: _key_rotate,
    Action.ERASE: _erase,
    Action.ARCHIVE: _archive,
    Action.KEY_CREATE: _key_create,
    Action.KEY_REVOKE: _key_revoke,
    Action.FACTOR_ADD: _factor_add,
    Action.FACTOR_REMOVE: _factor_remove,
    Action.FACTOR_RESET: _factor_reset,
    Action.RECOVERY_CODE_USED: _recovery_code_used,
    Action.RECOVERY_CODES_RENEWED: _recovery_codes_renewed,
}


def _outcome(event: AuditLog, who: str, past: str, infinitive: str) -> str:
    return f"{who} {past}" if event.success else f"{who} failed to {infinitive}{_reason(event)}"


def _reason(event: AuditLog) -> str:
    reason = str(event.details.get("reason") or "").strip().rstrip(".")
    return f": {reason[0].lower()}{reason[1:]}" if reason else ""


def _event_count(number: int) -> str:
    one, many = RESOURCE_NOUNS["audit"]
    return f"{number:,} {one if number == 1 else many}"


def _target(event: AuditLog) -> str:
    if event.is_subject_erased and not event.resource_name:
        return _erased_person(event.resource_id if event.resource == "user" else "")
    return event.resource_name or (f"number {event.resource_id}" if event.resource_id else "someone")


def _typed_target(event: AuditLog) -> str:
    word = event.resource.replace("_", " ") or "something"
    if event.is_subject_erased and event.resource == "user":
        return _erased_person(event.resource_id)
    if event.resource == "session":
        return f"a session of {_target(event)}"
    named = event.resource_name or event.resource_id
    return f"the {word} {named}" if named else f"the {word}"


def _is_own(event: AuditLog) -> bool:
    if event.resource == "user" and event.user_id is not None and event.resource_id == str(event.user_id):
        return True  # also of someone erased
    return bool(event.username) and event.username.lower() == event.resource_name.lower()


def _new_value(event: AuditLog, field: str) -> Any:
    pair = event.changes.get(field)
    return pair[1] if pair else None


def _roles(names: Any) -> str:
    names = [str(name) for name in names] if isinstance(names, list) else []
    if not names:
        return "a role"
    return f"the role {names[0]}" if len(names) == 1 else f"the roles {_listed(names)}"


def _listed(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
