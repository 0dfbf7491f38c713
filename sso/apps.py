"""Single sign-on: applications that people open with their account here."""

from django.apps import AppConfig


class SsoConfig(AppConfig):
    name = "sso"
    verbose_name = "Single sign-on"

    def ready(self) -> None:
        from accounts.access.authorization import TARGET_MODELS
        from accounts.authentication.introspection_api import OTHER_TOKENS
        from accounts.roles.applications import Registered
        from reprotech.web.responses import Programs
        from sso import tracked_models
        from sso.applications.roles import RoleApplications
        from sso.applications.sign_ins import Registered as RegisteredSignIns
        from sso.ending.services import end_all_at
        from sso.models import Application
        from sso.provider.destinations import program_name
        from sso.provider.tokens.introspection import introspect_for_module
        from sso.sign_ins.secrets import ACCESS_TOKEN_PREFIX

        OTHER_TOKENS[ACCESS_TOKEN_PREFIX] = introspect_for_module
        TARGET_MODELS["application"] = Application
        Registered.applications = RoleApplications()
        RegisteredSignIns.end_sign_ins = staticmethod(end_all_at)
        tracked_models.track_all()
        Programs.find_name = staticmethod(program_name)
