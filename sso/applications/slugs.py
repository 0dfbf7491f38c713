"""The short names of applications, with which the names of their permissions begin."""

import re

from accounts.core.catalogue import RESOURCE_WORDS, SUPER_ADMIN
from accounts.models import Role
from reprotech.core.exceptions import Conflict, ValidationFailed
from sso.models import Application

SLUG_PATTERN = re.compile(r"[a-z][a-z0-9]{1,15}", re.ASCII)
#: They would pass for Reprotech's own.
RESERVED = frozenset(
    {"reprotech", "system", "self", "admin", "api", "oauth", "oidc", "openid", "login", "settings", "application"}
    | {resource.replace("_", "") for resource in RESOURCE_WORDS}
)
SLUG_TAKEN = "There is an application of this short name already."


def refuse_slug(slug: str) -> None:
    """Raise ValidationFailed or Conflict unless a new application can have this short name."""
    if not SLUG_PATTERN.fullmatch(slug):
        sentence = "Use 2 to 16 small letters (a to z) and digits, a letter first."
        raise ValidationFailed({"slug": [sentence]})
    if slug in RESERVED:
        raise ValidationFailed({"slug": ["This short name belongs to Reprotech itself. Choose another."]})
    if Application.objects.filter(slug=slug).exists():
        raise Conflict(SLUG_TAKEN, {"slug": [SLUG_TAKEN]})
    if Role.objects.exclude(slug=SUPER_ADMIN).filter(permissions__application_slug=slug).exists():
        # Else who holds a permission of the old application would hold one of the new.
        sentence = "Roles still hold permissions of a deleted application of this short name. Take them away first."
        raise Conflict(sentence, {"slug": [sentence]})
