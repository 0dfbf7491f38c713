"""Words for causes and steps that details of events name."""

#: Why a key was revoked with something else, by `details.reason`.
KEY_REVOCATIONS = {
    "password_reset": "the password was reset",
    "password_change": "the password was changed",
    "factors_removed": "a second factor was removed",
    "sessions_ended": "all sessions were ended",
    "account_deleted": "the account was deleted",
    "maker_disabled": "the account that made it lost access",
}
#: What was done with an invitation, by `details.invitation`.
INVITATIONS = {
    "sent": ("sent a new invitation to", "send a new invitation to"),
    "link": ("made an invitation link for", "make an invitation link for"),
    "withdrawn": ("withdrew the invitation of", "withdraw the invitation of"),
}
#: What a mail was about, by the resource of an event with `details.mail`.
MAILS = {
    "review": ("mailed", "mail", "a reviewer of {target}"),
    "user": ("announced", "announce", "the end of {what} {target}"),
}
#: What people do about their own address, by a detail and its value.
EMAIL_STEPS = {
    ("email_change", "asked"): "asked to change",
    ("email_change", "cancelled"): "gave up changing",
    ("email_confirmation", "asked"): "asked to confirm",
    ("email_confirmation", "cancelled"): "gave up confirming",
    ("email_confirmation", "confirmed"): "confirmed",
}
