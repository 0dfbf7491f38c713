from django.urls import include, path

from sso.pages import device_views

urlpatterns = [
    path("", include("sso.provider.urls")),
    path("device", device_views.enter_code, name="device"),
    path("device/approve", device_views.approve, name="approve_device"),
    path("device/refuse", device_views.refuse, name="refuse_device"),
]
