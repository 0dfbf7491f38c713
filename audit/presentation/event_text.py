"""Sentences about events, for people: pure functions, nothing is looked up."""

from collections.abc import Callable

from audit.models import Action, AuditLog
from audit.presentation.access_request_text import request_words
from audit.presentation.cause_words import EMAIL_STEPS, INVITATIONS, KEY_REVOCATIONS, MAILS
from audit.presentation.changes import DATABASE_SOURCE, RECORD_LABELS, database_sentence, field_label, join_words
from audit.presentation.exclusion_text import exception_words
from audit.presentation.export_text import exported, imported
from audit.presentation.review_text import opened_review, reviewed_access
from audit.presentation.settings_text import started_words
from audit.presentation.sign_out_text import CAUSES, signed_out_of

ERASED_PERSON = "an erased person"

Phrase = Callable[[AuditLog, str], str]


def sentence(event: AuditLog) -> str:
    """Who did what, or tried to, without a full stop."""
    if event.details.get("source") == DATABASE_SOURCE:
        return database_sentence(event, _typed_target(event))
    words = event.action.replace("_", " ")
    if started := started_words(event):
        return " ".join((actor(event), *started))
    phrase = PHRASES.get(event.action) or _simple(f"did “{words}” to", f"do “{words}” to", _typed_target)
    # What no service did, but the ORM.
    directly = " directly, not through a service of Reprotech" if event.details.get("source") == "orm" else ""
    text = phrase(event, actor(event)) + directly
    return text[0].upper() + text[1:] if event.is_actor_erased else text


def actor(event: AuditLog) -> str:
    return _erased_person(event.user_id) if event.is_actor_erased else event.username or "Someone"


def _erased_person(number: object) -> str:
    return f"{ERASED_PERSON} (user {number})" if number else ERASED_PERSON


def _outcome(event: AuditLog, who: str, past: str, infinitive: str, what: str = "") -> str:
    verb, reason = (past, "") if event.success else (f"failed to {infinitive}", _reason(event))
    return f"{who} {verb}{what and f' {what}'}{reason}"


def _simple(past: str, infinitive: str, what: Callable[[AuditLog], str] = lambda _: "") -> Phrase:
    return lambda event, who: _outcome(event, who, past, infinitive, what(event))


def _login(event: AuditLog, who: str) -> str:
    if not event.success:
        return f"Signing in as {who} failed{_reason(event)}"
    return f"{who} signed in" + (" through the API" if event.details.get("kind") == "token" else "")


def _logout(event: AuditLog, who: str) -> str:
    # A code or token that came again failed, and ended the sign-in.
    if event.resource == "application" and (event.success or event.details.get("reason") in CAUSES):
        return signed_out_of(event, who, _target(event))
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
    elif ended:
        what = "their other session" if ended == 1 else f"their {ended} other sessions"
    else:
        what = "one of their own sessions" if _is_own(event) else f"a session of {_target(event)}"
    return _outcome(event, who, "ended", "end", what)


def _session_end(event: AuditLog, who: str) -> str:
    why = {"idle": ": it wasn't used any more", "age": ": it had lasted as long as one may"}
    return f"A session of {who} ended by itself" + why.get(str(event.details.get("reason") or ""), "")


def _create(event: AuditLog, who: str) -> str:
    return _outcome(event, who, *(request_words(event) or ("created", "create", _created(event))))


def _created(event: AuditLog) -> str:
    what = f"the service account {_target(event)}" if _new_value(event, "is_service") else _typed_target(event)
    roles = _new_value(event, "roles")
    return f"{what} with {_roles(roles)}" if roles and event.resource == "user" else what


def _update(event: AuditLog, who: str) -> str:
    if event.resource == "database":
        return _database(event, who)
    if event.resource == "settings" and event.resource_id:
        return _first_start(event, who)
    if event.details.get("record") in RECORD_LABELS:
        return _user_record(event, who)
    invitation = INVITATIONS.get(str(event.details.get("invitation")))
    if words := request_words(event) or exception_words(event) or (invitation and (*invitation, _target(event))):
        return _outcome(event, who, *words)
    if step := next((step for step in EMAIL_STEPS if event.details.get(step[0]) == step[1]), None):
        return f"{who} {EMAIL_STEPS[step]} their e-mail address"
    active = event.changes.get("is_active")
    if len(event.changes) == 1 and active and not event.details.get("concealed"):
        past, verb = ("activated", "activate") if active[1] else ("deactivated", "deactivate")
        return _outcome(event, who, past, verb, _target(event))
    if event.details.get("concealed") == ["password_hash"]:  # hashed again at a sign-in: it is the same password
        return f"{who} stored the password of {_target(event)} in the present form"
    owner = "their own account" if event.resource == "user" and _is_own(event) else _typed_target(event)
    fields = "" if _is_of_application(event) else _fields_of(event)
    return _outcome(event, who, "changed", "change", fields + owner)


def _update_or_mail(event: AuditLog, who: str) -> str:
    if event.resource in MAILS and event.details.get("mail"):
        what = f"{_roles(event.details['roles'])} of" if event.details.get("roles") else "the account"
        past, verb, text = MAILS[event.resource]
        return _outcome(event, who, past, verb, text.format(target=_target(event), what=what))
    return _update(event, who)


def _first_start(event: AuditLog, who: str) -> str:
    if event.resource_id == "test-mail":
        return _outcome(event, who, "sent", "send", "a test mail")
    return f"{who} dismissed the first steps on the dashboard"


def _fields_of(event: AuditLog) -> str:
    concealed = event.details.get("concealed")
    names = [*event.changes, *(concealed if isinstance(concealed, list) else [])]
    return f"the {join_words([field_label(name) for name in names])} of " if names else ""


def _user_record(event: AuditLog, who: str) -> str:
    """A change, made by no service, of something that belongs to a user."""
    what = f"{RECORD_LABELS[event.details['record']]} of {_target(event)}"
    if event.details["record"] == "role_grant":
        what = f"{_roles(event.details.get('roles'))} of {_target(event)}".removeprefix("the ")
    if event.details["record"] == "api_key":
        what = f"API key {_key(event)} of {_target(event)}"
    done = {"created": "added", "deleted": "removed"}.get(str(event.details.get("row")))
    if done:
        return f"{who} {done} {'an' if what[0] in 'aeiou' else 'a'} {what}"
    return f"{who} changed {_fields_of(event)}the {what}"


def _database(event: AuditLog, who: str) -> str:
    if moment := event.details.get("restored_to"):
        as_of = f"the database as it was at {str(moment)[:16].replace('T', ' ')} UTC"
        return _outcome(event, who, "restored", "restore", as_of)
    return _outcome(event, who, "moved", "move", "the database to PostgreSQL")


def _password_reset(event: AuditLog, who: str) -> str:
    target = _target(event)
    if event.details.get("source"):
        return f"{who} changed the password of {target}"
    if event.details.get("is_forgotten"):
        # Nobody was signed in: it may have been anybody.
        return (
            f"Someone forgot the password of {target}: a link to choose a new one was sent"
            if event.success
            else f"Someone forgot the password of {who}, and no link was sent{_reason(event)}"
        )
    if event.details.get("sent_to"):
        return _outcome(event, who, f"sent {target} a link to reset the password", f"send {target} a link")
    return _outcome(event, who, "set", "set", f"a new password for {target}")


def _unlock(event: AuditLog, who: str) -> str:
    if event.success and event.changes.get("locked") == [False, False]:
        return f"{who} let {_target(event)} try to sign in again"
    return _outcome(event, who, "unlocked", "unlock", _target(event))


def _export(event: AuditLog, who: str) -> str:
    if event.resource == "database":
        return _outcome(event, who, "made", "make", "a backup of everything")
    what = exported(event, _target(event))
    if event.details.get("format") in {"report", "html"}:
        return _outcome(event, who, "made", "make", f"a report of {what}")
    if file_format := event.details.get("format"):
        what += " with proof" if file_format == "bundle" else f" as {str(file_format).upper()}"
    return _outcome(event, who, "exported", "export", what)


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
    return _outcome(event, who, "handed", "hand", "the audit log over to a new signing key")


def _erase(event: AuditLog, who: str) -> str:
    parts = [event.details.get(name) for name in ("actor_parts", "subject_parts")]
    number = len({pk for ids in parts if isinstance(ids, list) for pk in ids})
    whose = f"the personal data of {f'user {event.resource_id}' if event.resource_id else 'someone'}"
    return _outcome(event, who, f"erased {whose}, also in {_events(number)}", f"erase {whose}")


def _archive(event: AuditLog, who: str) -> str:
    number = event.details.get("events")
    what = _events(number) if isinstance(number, int) else "events"
    return _outcome(event, who, f"archived {what} and removed them from the database", f"archive {what}")


def _new_key(event: AuditLog) -> str:
    return f"the API key {_key(event)}" + ("" if _is_own(event) else f" for {_target(event)}")


def _key_revoke(event: AuditLog, who: str) -> str:
    what = f"the API key {_key(event)}" + ("" if _is_own(event) else f" of {_target(event)}")
    if cause := KEY_REVOCATIONS.get(str(event.details.get("reason"))):
        return f"{who} revoked {what}, since {cause}"
    return _outcome(event, who, "revoked", "revoke", what)


def _key(event: AuditLog) -> str:
    return str(event.details.get("key") or "").strip() or "of an unknown number"


def _recovery_code_used(event: AuditLog, who: str) -> str:
    left = event.details.get("left")
    rest = f", {left} left" if isinstance(left, int) else ""
    return _outcome(event, who, f"signed in with a recovery code{rest}", "sign in with a recovery code")


def _app_denied(event: AuditLog, who: str) -> str:
    return f"{who} was refused at {_target(event)}{_reason(event)}"


def _review_decide(event: AuditLog, who: str) -> str:
    return _outcome(event, who, *reviewed_access(event, _target(event)))


def _factor(event: AuditLog, preposition: str) -> str:
    whose = f" {preposition} {_target(event)}" if event.resource == "user" else ""
    if event.details.get("kind") == "totp":
        return f"an authenticator app as second factor{whose}"
    is_named = event.resource_name and event.resource != "user"
    return f"the passkey “{event.resource_name}”" if is_named else f"a passkey{whose}"


def _reason(event: AuditLog) -> str:
    reason = str(event.details.get("reason") or "").strip().rstrip(".")
    return f": {reason[0].lower()}{reason[1:]}" if reason else ""


def _events(number: int) -> str:
    return f"{number:,} {'event' if number == 1 else 'events'}"


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
    if _is_of_application(event):
        return f"the permissions of the application {_target(event)}"
    named = event.resource_name or event.resource_id
    return f"the {word} {named}" if named else f"the {word}"


def _is_of_application(event: AuditLog) -> bool:
    """Whether it is about all permissions that an application brings."""
    return event.resource == "permission" and "permissions" in event.changes


def _is_own(event: AuditLog) -> bool:
    if event.resource == "user" and event.user_id is not None and event.resource_id == str(event.user_id):
        return True  # also of someone erased
    return bool(event.username) and event.username.lower() == event.resource_name.lower()


def _new_value(event: AuditLog, field: str) -> object:
    pair = event.changes.get(field)
    return pair[1] if pair else None


def _roles(names: object) -> str:
    texts = [str(name) for name in names] if isinstance(names, list) else []
    if not texts:
        return "a role"
    return f"the role {texts[0]}" if len(texts) == 1 else f"the roles {join_words(texts)}"


PHRASES: dict[str, Phrase] = {
    Action.LOGIN: _login,
    Action.LOGOUT: _logout,
    Action.TOKEN_REFRESH: _token_refresh,
    Action.SESSION_REVOKE: _session_revoke,
    Action.SESSION_END: _session_end,
    Action.CREATE: _create,
    Action.UPDATE: _update_or_mail,
    Action.DELETE: _simple("deleted", "delete", _typed_target),
    Action.PASSWORD_CHANGE: _simple("changed their password", "change their password"),
    Action.PASSWORD_RESET: _password_reset,
    Action.LOCK: _simple("locked", "lock", _target),
    Action.UNLOCK: _unlock,
    Action.ROLE_ASSIGN: _simple("gave", "give", lambda event: f"{_target(event)} {_roles(event.details.get('roles'))}"),
    Action.ROLE_REVOKE: _simple(
        "took", "take", lambda event: f"{_roles(event.details.get('roles'))} from {_target(event)}"
    ),
    Action.EXPORT: _export,
    Action.IMPORT: _simple("imported", "import", imported),
    Action.ACCESS_DENIED: _access_denied,
    Action.KEY_ROTATE: _key_rotate,
    Action.ERASE: _erase,
    Action.ARCHIVE: _archive,
    Action.KEY_CREATE: _simple("made", "make", _new_key),
    Action.KEY_REVOKE: _key_revoke,
    Action.FACTOR_ADD: _simple("set up", "set up", lambda event: _factor(event, "for")),
    Action.FACTOR_REMOVE: _simple("removed", "remove", lambda event: _factor(event, "of")),
    Action.FACTOR_RESET: _simple("removed", "remove", lambda event: f"all second factors of {_target(event)}"),
    Action.RECOVERY_CODE_USED: _recovery_code_used,
    Action.RECOVERY_CODES_RENEWED: _simple("made new recovery codes", "make new recovery codes"),
    Action.APP_LOGIN: _simple("signed in to", "sign in to", _target),
    Action.APP_DENIED: _app_denied,
    Action.REVIEW_OPEN: _simple("opened", "open", lambda event: opened_review(event, _target(event))),
    Action.REVIEW_DECIDE: _review_decide,
    Action.REVIEW_CLOSE: _simple("closed", "close", lambda event: f"the access review {_target(event)}"),
}
