from django.urls import path

from access_history.pages import history_views, views

urlpatterns = [
    path("access", views.show_access, name="access"),
    path("access/report", views.show_report, name="access_report"),
    path("users/<int:user_id>/history", history_views.show_history, name="user_history"),
]
