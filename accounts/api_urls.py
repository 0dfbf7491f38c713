from django.urls import path

from accounts.access_periods.api_views import UserRoleViewSet
from accounts.api_keys.api_views import OwnKeyViewSet, UserKeyViewSet
from accounts.authentication.api_views import AccountViewSet, TokenViewSet
from accounts.authentication.introspection_api import IntrospectionViewSet
from accounts.exclusions.api_views import ExceptionViewSet, ExclusionViewSet
from accounts.onboarding.api_views import UserImportViewSet
from accounts.roles.api_views import PermissionViewSet, RoleViewSet
from accounts.sessions.api_views import OwnSessionViewSet
from accounts.users.api_views import UserViewSet
from accounts.users.csv.api_views import UserFileViewSet
from accounts.users.invitations.api_views import InvitationViewSet

urlpatterns = [
    path("auth/login", TokenViewSet.as_view({"post": "login"})),
    path("auth/login/mfa", TokenViewSet.as_view({"post": "login_mfa"})),
    path("auth/refresh", TokenViewSet.as_view({"post": "refresh"})),
    path("auth/logout", AccountViewSet.as_view({"post": "logout"})),
    path("auth/me", AccountViewSet.as_view({"get": "me"})),
    path("auth/change-password", AccountViewSet.as_view({"post": "change_password"})),
    path("auth/sessions", OwnSessionViewSet.as_view({"get": "list", "delete": "destroy_others"})),
    path("auth/sessions/<uuid:session_id>", OwnSessionViewSet.as_view({"delete": "destroy"})),
    path("auth/introspect", IntrospectionViewSet.as_view({"post": "introspect"})),
    path("auth/keys", OwnKeyViewSet.as_view({"get": "list", "post": "create"})),
    path("auth/keys/<uuid:key_id>", OwnKeyViewSet.as_view({"delete": "destroy"})),
    path("users", UserViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "users/<int:user_id>",
        UserViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
    ),
    path("users/<int:user_id>/personal-data", UserViewSet.as_view({"delete": "erase"})),
    path("users/<int:user_id>/reset-password", UserViewSet.as_view({"post": "reset_password"})),
    path("users/<int:user_id>/invitation", InvitationViewSet.as_view({"post": "send", "delete": "withdraw"})),
    path("users/<int:user_id>/invitation/link", InvitationViewSet.as_view({"post": "make_link"})),
    path("users/<int:user_id>/factors", UserViewSet.as_view({"delete": "reset_factors"})),
    path("users/<int:user_id>/lock", UserViewSet.as_view({"post": "lock"})),
    path("users/<int:user_id>/unlock", UserViewSet.as_view({"post": "unlock"})),
    path("users/<int:user_id>/roles", UserRoleViewSet.as_view({"post": "create"})),
    path("users/<int:user_id>/roles/<str:role>", UserRoleViewSet.as_view({"delete": "destroy"})),
    path("users/<int:user_id>/keys", UserKeyViewSet.as_view({"get": "list", "post": "create"})),
    path("users/<int:user_id>/keys/<uuid:key_id>", UserKeyViewSet.as_view({"delete": "destroy"})),
    path("users/export", UserFileViewSet.as_view({"get": "export"})),
    path("users/import", UserImportViewSet.as_view({"post": "import_file"})),
    path("roles", RoleViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "roles/<int:role_id>",
        RoleViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
    ),
    path("permissions", PermissionViewSet.as_view({"get": "list"})),
    path("exclusions", ExclusionViewSet.as_view({"get": "list", "post": "create"})),
    path("exclusions/violations", ExclusionViewSet.as_view({"get": "violations"})),
    path(
        "exclusions/<int:exclusion_id>",
        ExclusionViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
    ),
    path("exclusions/<int:exclusion_id>/exceptions", ExceptionViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "exclusions/<int:exclusion_id>/exceptions/<int:exception_id>",
        ExceptionViewSet.as_view({"delete": "destroy"}),
    ),
    path(
        "exclusions/<int:exclusion_id>/exceptions/<int:exception_id>/approve",
        ExceptionViewSet.as_view({"post": "approve"}),
    ),
]
