from typing import ClassVar

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.filters import AnalyticsQuery
from analytics.permissions import ANALYTICS_READ
from analytics.queries import user_analytics
from reprotech.api.fields import AddressOutputField
from reprotech.api.schema import query_parameters
from reprotech.api.viewsets import ViewSet

LOGIN = inline_serializer(
    "RecentLogin",
    {
        "user": serializers.CharField(),
        "timestamp": serializers.DateTimeField(),
        "ip_address": AddressOutputField(allow_null=True),
    },
    many=True,
)
GROWTH = inline_serializer(
    "UserGrowth",
    {"date": serializers.DateField(), "total": serializers.IntegerField(), "new": serializers.IntegerField()},
    many=True,
)
ACTIVITY = inline_serializer(
    "LoginActivity",
    {"date": serializers.DateField(), "success": serializers.IntegerField(), "failed": serializers.IntegerField()},
    many=True,
)
ANALYTICS = inline_serializer(
    "Analytics",
    {
        "total_users": serializers.IntegerField(),
        "active_users": serializers.IntegerField(),
        "inactive_users": serializers.IntegerField(),
        "locked_users": serializers.IntegerField(),
        "users_by_role": serializers.DictField(child=serializers.IntegerField()),
        "recent_logins": LOGIN,
        "user_growth": GROWTH,
        "login_activity": ACTIVITY,
    },
)


class AnalyticsViewSet(ViewSet):
    required_permissions: ClassVar = {"users": ANALYTICS_READ}

    @extend_schema(parameters=query_parameters(AnalyticsQuery), responses=ANALYTICS, summary="Figures about users")
    def users(self, request: Request) -> Response:
        """Totals, users by role, recent logins, growth and login activity by day."""
        return Response(user_analytics(AnalyticsQuery.parse(request.query_params).value("days")))
