"""What each action is called, and its icon (of Lucide)."""

from typing import NamedTuple

from audit.models import Action


class ActionKind(NamedTuple):
    label: str
    icon: str


ACTION_KINDS: dict[str, ActionKind] = {
    Action.LOGIN: ActionKind("Sign-in", icon="log-in"),
    Action.LOGOUT: ActionKind("Sign-out", icon="log-out"),
    Action.TOKEN_REFRESH: ActionKind("Access token renewed", icon="refresh-cw"),
    Action.SESSION_REVOKE: ActionKind("Session ended by a user", icon="monitor-x"),
    Action.SESSION_END: ActionKind("Session expired", icon="timer-off"),
    Action.CREATE: ActionKind("Create", icon="circle-plus"),
    Action.UPDATE: ActionKind("Change", icon="pencil"),
    Action.DELETE: ActionKind("Delete", icon="trash-2"),
    Action.PASSWORD_CHANGE: ActionKind("Password change", icon="key-round"),
    Action.PASSWORD_RESET: ActionKind("Password reset", icon="rotate-ccw-key"),
    Action.LOCK: ActionKind("Lock", icon="lock"),
    Action.UNLOCK: ActionKind("Unlock", icon="lock-open"),
    Action.ROLE_ASSIGN: ActionKind("Role assigned", icon="shield-plus"),
    Action.ROLE_REVOKE: ActionKind("Role removed", icon="shield-minus"),
    Action.EXPORT: ActionKind("Export", icon="download"),
    Action.IMPORT: ActionKind("Import", icon="upload"),
    Action.ACCESS_DENIED: ActionKind("Access denied", icon="ban"),
    Action.KEY_ROTATE: ActionKind("Signing key replaced", icon="file-key-2"),
    Action.ERASE: ActionKind("Personal data erased", icon="eraser"),
    Action.ARCHIVE: ActionKind("Events archived", icon="archive"),
    Action.KEY_CREATE: ActionKind("API key created", icon="key-square"),
    Action.KEY_REVOKE: ActionKind("API key revoked", icon="circle-slash"),
    Action.FACTOR_ADD: ActionKind("Two-factor authentication set up", icon="smartphone"),
    Action.FACTOR_REMOVE: ActionKind("Two-factor authentication removed", icon="unplug"),
    Action.FACTOR_RESET: ActionKind("Two-factor authentication reset", icon="shield-off"),
    Action.RECOVERY_CODE_USED: ActionKind("Recovery code used", icon="life-buoy"),
    Action.RECOVERY_CODES_RENEWED: ActionKind("Recovery codes renewed", icon="list-restart"),
    Action.APP_LOGIN: ActionKind("Sign-in to an application", icon="app-window"),
    Action.APP_DENIED: ActionKind("Application refused", icon="shield-x"),
    Action.REVIEW_OPEN: ActionKind("Access review opened", icon="clipboard-list"),
    Action.REVIEW_DECIDE: ActionKind("Access reviewed", icon="clipboard-check"),
    Action.REVIEW_CLOSE: ActionKind("Access review closed", icon="clipboard-x"),
}


#: Resources whose names don't say it.
RESOURCE_LABELS = {
    "auth": "Sign-ins and sessions",
    "factor": "Two-factor authentication",
    "audit": "Audit log",
    "admin": "Django admin",
    "demo_data": "Demo data",
    "lab_test": "Lab test",
    "review": "Access reviews",
    "access_request": "Requests for access",
}


def resource_label(resource: str) -> str:
    return RESOURCE_LABELS.get(resource) or resource.replace("_", " ").capitalize()


def action_kind(action: str) -> ActionKind:
    """Also of an action that only an older or newer version knows."""
    return ACTION_KINDS.get(action) or ActionKind(action.replace("_", " ").capitalize(), icon="circle-dot")
