"""Addresses of the provider, without a slash at the end."""

from django.urls import path

from sso.provider.authorization.views import authorize
from sso.provider.discovery import discovery, jwks
from sso.provider.logout_views import confirm_logout, logout
from sso.provider.tokens.views import authorize_device, introspect, revoke, token
from sso.provider.userinfo import userinfo

urlpatterns = [
    path(".well-known/openid-configuration", discovery, name="openid_configuration"),
    path("oauth/authorize", authorize, name="oauth_authorize"),
    path("oauth/token", token, name="oauth_token"),
    path("oauth/device", authorize_device, name="oauth_device"),
    path("oauth/userinfo", userinfo, name="oauth_userinfo"),
    path("oauth/introspect", introspect, name="oauth_introspect"),
    path("oauth/revoke", revoke, name="oauth_revoke"),
    path("oauth/jwks", jwks, name="oauth_jwks"),
    path("oauth/logout", logout, name="oauth_logout"),
    path("oauth/logout/confirm", confirm_logout, name="oauth_confirm_logout"),
]
