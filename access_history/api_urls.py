from django.urls import path

from access_history.api.views import AccessViewSet

urlpatterns = [path("access", AccessViewSet.as_view({"get": "list"}))]
