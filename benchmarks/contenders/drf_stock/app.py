"""Django REST framework as its tutorial and simplejwt's have it: ModelViewSet, PageNumberPagination, SearchFilter.

Django's own users, with roles as groups; groups are prefetched, who may list users is a permission.
"""

import os
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings

DATABASE = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    DEBUG=False,
    SECRET_KEY=os.environ["SECRET"],
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="app",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "rest_framework",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": DATABASE.path.lstrip("/"),
            "USER": DATABASE.username,
            "HOST": DATABASE.hostname,
            "PORT": DATABASE.port,
            "OPTIONS": {"pool": {"min_size": 2, "max_size": 16}},
        }
    },
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    # The default of five minutes would run out within a round.
    SIMPLE_JWT={"ACCESS_TOKEN_LIFETIME": timedelta(hours=4), "UPDATE_LAST_LOGIN": True},
)

from django.core.wsgi import get_wsgi_application  # noqa: E402 (Django starts when its settings are there)

application = get_wsgi_application()

from django.contrib.auth.models import User  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import permissions, serializers, viewsets  # noqa: E402
from rest_framework.decorators import action  # noqa: E402
from rest_framework.filters import SearchFilter  # noqa: E402
from rest_framework.pagination import PageNumberPagination  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.routers import DefaultRouter  # noqa: E402
from rest_framework_simplejwt.views import TokenObtainPairView  # noqa: E402


class Pages(PageNumberPagination):
    """Pages of as many as are asked for."""

    page_size = 10
    page_size_query_param = "per_page"
    max_page_size = 100


class UserSerializer(serializers.ModelSerializer):
    """A row of the list."""

    groups = serializers.SlugRelatedField("name", many=True, read_only=True)

    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "email",
            "first_name",
            "last_name",
            "is_active",
            "groups",
            "last_login",
            "date_joined",
        ]


class MayRead(permissions.DjangoModelPermissions):
    """Reading takes a permission too."""

    perms_map = permissions.DjangoModelPermissions.perms_map | {"GET": ["%(app_label)s.view_%(model_name)s"]}


class UserViewSet(viewsets.ModelViewSet):
    """Users."""

    queryset = User.objects.prefetch_related("groups").order_by("id")
    serializer_class = UserSerializer
    pagination_class = Pages
    permission_classes = [MayRead]
    filter_backends = [SearchFilter]
    search_fields = ["username", "email", "first_name", "last_name"]

    @action(detail=False, permission_classes=[permissions.IsAuthenticated])
    def me(self, request):
        """The caller, with permissions."""
        shown = self.get_serializer(request.user).data
        return Response(shown | {"permissions": sorted(request.user.get_all_permissions())})


router = DefaultRouter(trailing_slash=False)
router.register("users", UserViewSet)
urlpatterns = [path("api/token", TokenObtainPairView.as_view()), path("api/", include(router.urls))]
