"""Requests for access: people ask for a role, and who may give it decides."""

from django.apps import AppConfig


class AccessRequestsConfig(AppConfig):
    name = "access_requests"
    verbose_name = "Requests for access"

    def ready(self) -> None:
        from access_requests.asking.roles import smallest_of
        from access_requests.erasure import forget_person
        from access_requests.models import AccessRequest
        from accounts.access.authorization import TARGET_MODELS
        from accounts.access.role_requests import RoleRequests
        from accounts.users.erasure import ERASED_BY_OTHERS

        RoleRequests.suggest = staticmethod(smallest_of)
        ERASED_BY_OTHERS.append(forget_person)
        TARGET_MODELS["access_request"] = AccessRequest
