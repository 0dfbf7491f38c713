"""The base of the API's views."""

from functools import cache
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import viewsets
from rest_framework.authentication import BaseAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from reprotech.api.change_reason import read_api_reason
from reprotech.core.change_warnings import collected_warnings

UNCHANGING = {"GET", "HEAD", "OPTIONS"}
#: From here on an answer means that nothing was changed.
REFUSED = 400


class ViewSet(viewsets.ViewSet):
    """DRF's without the steps whose result is always the same: JSON, no versions, no throttles."""

    _renderer = JSONRenderer()

    def get_authenticators(self) -> list[BaseAuthentication]:
        return _authenticators(tuple(self.authentication_classes))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in UNCHANGING:
            return super().dispatch(request, *args, **kwargs)
        with collected_warnings() as warnings:
            response = super().dispatch(request, *args, **kwargs)
        data = getattr(response, "data", None)
        if warnings and response.status_code < REFUSED and isinstance(data, dict):
            data["warnings"] = [warning.as_dict() for warning in warnings.values()]
        return response

    def initial(self, request: Request, *_args: object, **_options: object) -> None:
        request.accepted_renderer, request.accepted_media_type = self._renderer, self._renderer.media_type
        self.perform_authentication(request)
        self.check_permissions(request)
        if request.method not in UNCHANGING and request.auth is not None:
            read_api_reason(request)


@cache
def _authenticators(classes: tuple[type[BaseAuthentication], ...]) -> list[BaseAuthentication]:
    # Made once, since they keep nothing of a request.
    return [authentication() for authentication in classes]
