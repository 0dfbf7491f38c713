from django.urls import path

from analytics.api.views import AnalyticsViewSet

urlpatterns = [path("users/analytics", AnalyticsViewSet.as_view({"get": "users"}))]
