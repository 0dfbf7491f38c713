from django.urls import include, path

urlpatterns = [
    path("", include("sso.provider.urls")),
    path("", include("sso.pages.urls")),
]
