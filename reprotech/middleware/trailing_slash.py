"""Paths with a trailing slash."""

from django.http import HttpRequest, HttpResponse

from reprotech.middleware.request_context import GetResponse


class TrailingSlashMiddleware:
    """Treats `/api/users/` as `/api/users`: a redirect would lose a POST's body."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if len(path) > 1 and path.endswith("/") and not path.startswith("/admin/"):
            request.path_info = path[:-1]
        return self.get_response(request)
