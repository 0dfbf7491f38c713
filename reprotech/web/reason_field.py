"""The field of forms in which people say why they change something."""

from django.conf import settings
from django.http import HttpRequest

from reprotech.core.change_reason import FIELD, MISSING
from reprotech.core.request_context import current_reason
from reprotech.web.responses import DIALOG, htmx_of

#: The changes of forms, by the names of their views: those that need a reason show so before they are sent. What asks
#: is the service (`audit.services`): a form that isn't named here shows it once its change was refused.
CHANGES_OF_FORMS = {
    **{f"{verb}_user": (f"user:{verb}",) for verb in ("lock", "unlock", "delete")},
    **{f"{verb}_users": (f"user:{verb}",) for verb in ("lock", "unlock")},
    **dict.fromkeys(("activate_user", "deactivate_user", "activate_users", "deactivate_users"), ("user:update",)),
    "reset_user_password": ("user:password_reset",),
    "reset_user_factors": ("user:factor_reset",),
    "new_user": ("user:create",),
    "confirm_import": ("user:create",),
    "import_users": ("user:create",),
    **dict.fromkeys(
        ("update_from_list", "confirm_update"), ("user:create", "user:update", "user:role_assign", "user:role_revoke")
    ),
    "new_user_key": ("user:key_create",),
    "new_own_key": ("user:key_create",),
    "revoke_user_key": ("user:key_revoke",),
    "revoke_own_key": ("user:key_revoke",),
    "assign_role": ("user:role_assign",),
    "remove_role": ("user:role_revoke",),
    "add_role_users": ("user:role_assign",),
    "remove_role_user": ("user:role_revoke",),
    "change_password": ("user:password_change",),
    "change_email": ("user:update",),
    **dict.fromkeys(
        ("user_access", "review_user_roles", "change_user_roles"), ("user:role_assign", "user:role_revoke")
    ),
    "give_role": ("user:role_assign",),
    "change_period": ("user:role_assign",),
    "take_role": ("user:role_revoke",),
    "edit_user": ("user:update", "user:role_assign", "user:role_revoke"),
    "new_role": ("role:create",),
    "edit_role": ("role:update",),
    "delete_role": ("role:delete",),
    "new_exclusion": ("exclusion:create",),
    "edit_exclusion": ("exclusion:update",),
    "delete_exclusion": ("exclusion:delete",),
    "new_review": ("review:review_open",),
    "close_review": ("review:review_close",),
    "new_application": ("application:create",),
    **dict.fromkeys(
        ("edit_application", "new_application_secret", "activate_application", "deactivate_application"),
        ("application:update",),
    ),
    "delete_application": ("application:delete",),
    # Django admin's.
    "accounts_user_add": ("user:create",),
    "accounts_user_change": ("user:update", "user:role_assign", "user:role_revoke"),
    "accounts_user_delete": ("user:delete",),
    "accounts_role_add": ("role:create",),
    "accounts_role_change": ("role:update",),
    "accounts_role_delete": ("role:delete",),
}


def field_id(request: HttpRequest) -> str:
    # A dialog may stand over a page whose form has the field too.
    htmx = htmx_of(request)
    return f"id_dialog_{FIELD}" if htmx and htmx.target == DIALOG else f"id_{FIELD}"


def reason_field(request: HttpRequest) -> dict[str, object]:
    """What the field shows: `is_open` unless it is optional and was left alone."""
    reason, match = current_reason(), request.resolver_match
    changes = CHANGES_OF_FORMS.get(match.url_name or "" if match else "", ())
    needed = [change for change in changes if change in settings.REASON_REQUIRED_FOR]
    # A question that nobody was asked before is no error.
    is_question = reason.is_refused and not reason.has_field and not reason.problem
    error = (reason.problem or MISSING) if reason.is_refused and not is_question else ""
    typed = request.POST.get(FIELD, "")
    return {
        "id": field_id(request),
        "typed": typed,
        "error": error,
        "is_question": is_question,
        "is_required": is_question or len(needed) == len(changes) > 0 or error == MISSING,
        "is_sometimes_required": bool(needed),
        "is_open": bool(is_question or needed or error or typed),
    }
