from django.urls import path

from sso.applications.api_views import ApplicationViewSet
from sso.applications.permissions_api import ApplicationPermissionViewSet, OwnPermissionViewSet

urlpatterns = [
    path("applications", ApplicationViewSet.as_view({"get": "list", "post": "create"})),
    path("applications/self/permissions", OwnPermissionViewSet.as_view({"get": "list", "put": "replace"})),
    path(
        "applications/<int:application_id>",
        ApplicationViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
    ),
    path("applications/<int:application_id>/secret", ApplicationViewSet.as_view({"post": "renew_secret"})),
    path(
        "applications/<int:application_id>/permissions",
        ApplicationPermissionViewSet.as_view({"get": "list", "put": "replace"}),
    ),
]
