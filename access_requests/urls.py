from django.urls import path

from access_requests.pages import views

urlpatterns = [
    path("requests", views.list_requests, name="requests"),
    path("requests/new", views.ask_for_role, name="ask_for_role"),
    path("requests/<int:request_id>", views.show_request, name="request"),
    path("requests/<int:request_id>/grant", views.grant_request, name="grant_request"),
    path("requests/<int:request_id>/decline", views.decline_request, name="decline_request"),
    path("requests/<int:request_id>/withdraw", views.withdraw_request, name="withdraw_request"),
    path("profile/requests", views.show_own_requests, name="own_requests"),
]
