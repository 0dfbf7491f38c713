"""Applications, and who is signed in to them: fields, and questions about one object."""

from sso.models.applications import Application
from sso.models.device_requests import DeviceRequest
from sso.models.logout_notices import LogoutNotice
from sso.models.sign_ins import AppSignIn, EndReason, Subject
from sso.models.signing_keys import SigningAlgorithm, SigningKey

__all__ = [
    "AppSignIn",
    "Application",
    "DeviceRequest",
    "EndReason",
    "LogoutNotice",
    "SigningAlgorithm",
    "SigningKey",
    "Subject",
]
