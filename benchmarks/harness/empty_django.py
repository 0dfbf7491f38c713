"""The least that Django can answer, on our server with our number of workers: what `me` is measured against."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path


def answer(request):  # noqa: ARG001 (what Django gives a view)
    """Nothing but an answer."""
    return JsonResponse({})


settings.configure(
    DEBUG=False, SECRET_KEY="of no use", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, MIDDLEWARE=[]
)
urlpatterns = [path("", answer)]
application = get_wsgi_application()
