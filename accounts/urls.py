"""Addresses of the accounts' pages."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("login", views.login, name="login"),
    path("logout", views.logout, name="logout"),
    path("password", views.change_password, name="change_password"),
    path("set-password", views.set_password, name="set_password_form"),
    path("set-password/<str:user>/<str:link_token>", views.open_password_link, name="set_password"),
]
