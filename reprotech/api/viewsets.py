"""The base of the API's views."""

from typing import Any

from rest_framework import viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request


class ViewSet(viewsets.ViewSet):
    """DRF's, which doesn't look at each request for what is the same for all: JSON, no versions, no throttles."""

    _renderer = JSONRenderer()

    def initial(self, request: Request, *_args: Any, **_options: Any) -> None:
        """Let nobody in who may not; raises what the API's errors are made of."""
        request.accepted_renderer, request.accepted_media_type = self._renderer, self._renderer.media_type
        self.perform_authentication(request)
        self.check_permissions(request)
