from django.urls import path

from access_requests.api.views import AccessRequestViewSet

urlpatterns = [
    path("access-requests", AccessRequestViewSet.as_view({"get": "list", "post": "create"})),
    path("access-requests/roles", AccessRequestViewSet.as_view({"get": "roles"})),
    path("access-requests/<int:request_id>", AccessRequestViewSet.as_view({"get": "retrieve"})),
    path("access-requests/<int:request_id>/grant", AccessRequestViewSet.as_view({"post": "grant"})),
    path("access-requests/<int:request_id>/decline", AccessRequestViewSet.as_view({"post": "decline"})),
    path("access-requests/<int:request_id>/withdraw", AccessRequestViewSet.as_view({"post": "withdraw"})),
]
