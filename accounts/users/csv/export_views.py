from django.http.response import HttpResponseBase

from accounts.common.requests import PageRequest
from accounts.models import User
from accounts.permissions import USER_READ
from accounts.user_list.filters import UserQuery
from accounts.users.csv.export import csv_response, start_export
from reprotech.web.access import SAFE, requires


@requires(USER_READ, SAFE)
def export_all(request: PageRequest) -> HttpResponseBase:
    query = UserQuery.parse(request.GET)
    users = query.apply(User.objects.visible_to(request.user))
    return csv_response(start_export(actor=request.user, users=users, filters=query.given), with_bom=True)
