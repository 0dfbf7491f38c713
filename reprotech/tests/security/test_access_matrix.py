"""Who may do what: every role, every address, every method.

The requests are harmless where they are allowed: they concern nobody (404), lack what they need (400, 422) or read.
"""

from copy import deepcopy

import pytest
from django.db import transaction
from django.test import Client

from reprotech.testing.cast import NOBODY
from reprotech.testing.client import Caller, page_client
from reprotech.testing.plugin import clear_caches
from reprotech.tests.security.api_access import API

ACTORS = [
    *("super_admin", "admin", "manager", "researcher", "veterinarian", "lab_technician", "viewer"),
    *("stranger", "anonymous"),
]
MOST_AND_LEAST = ("super_admin", "viewer", "anonymous")
SESSION = "00000000-0000-4000-8000-000000000000"

# 302: on to /login for the anonymous, and from /login and /set-password/... for everybody else.
PAGES = """
method  path                                      super admin manager resear veter techn viewer none  anonymous
GET     /                                         200   200   200     200    200   200   200    200   302
GET     /login                                    302   302   302     302    302   302   302    302   200
POST    /login                                    302   302   302     302    302   302   302    302   422
GET     /login/verify                             302   302   302     302    302   302   302    302   302
POST    /login/verify                             302   302   302     302    302   302   302    302   302
POST    /login/passkey                            302   302   302     302    302   302   302    302   302
POST    /login/passkey/options                    200   200   200     200    200   200   200    200   200
GET     /logout                                   200   200   200     200    200   200   200    200   302
POST    /logout                                   302   302   302     302    302   302   302    302   302
GET     /.well-known/openid-configuration         200   200   200     200    200   200   200    200   200
GET     /oauth/jwks                               200   200   200     200    200   200   200    200   200
GET     /oauth/authorize                          400   400   400     400    400   400   400    400   400
POST    /oauth/authorize                          400   400   400     400    400   400   400    400   400
POST    /oauth/token                              400   400   400     400    400   400   400    400   400
POST    /oauth/introspect                         400   400   400     400    400   400   400    400   400
POST    /oauth/revoke                             400   400   400     400    400   400   400    400   400
POST    /oauth/device                             400   400   400     400    400   400   400    400   400
GET     /oauth/userinfo                           401   401   401     401    401   401   401    401   401
POST    /oauth/userinfo                           401   401   401     401    401   401   401    401   401
GET     /oauth/logout                             200   200   200     200    200   200   200    200   200
POST    /oauth/logout                             400   400   400     400    400   400   400    400   400
POST    /oauth/logout/confirm                     200   200   200     200    200   200   200    200   200
GET     /password                                 200   200   200     200    200   200   200    200   302
POST    /password                                 422   422   422     422    422   422   422    422   302
GET     /set-password                             200   200   200     200    200   200   200    200   200
POST    /set-password                             422   422   422     422    422   422   422    422   422
GET     /.well-known/change-password              302   302   302     302    302   302   302    302   302
GET     /forgot-password                          200   200   200     200    200   200   200    200   200
POST    /forgot-password                          422   422   422     422    422   422   422    422   422
GET     /forgot-password/sent                     200   200   200     200    200   200   200    200   200
GET     /confirm-email                            200   200   200     200    200   200   200    200   200
POST    /confirm-email                            422   422   422     422    422   422   422    422   422
GET     /confirm-email/MQ/abc-def                 302   302   302     302    302   302   302    302   302
GET     /set-password/MQ/abc-def                  302   302   302     302    302   302   302    302   302
GET     /users                                    200   200   200     403    403   403   403    403   302
GET     /users/new                                200   200   403     403    403   403   403    403   302
POST    /users/new                                422   422   403     403    403   403   403    403   302
GET     /users/new/username                   200   200   403     403    403   403   403    403   302
GET     /users/new/permissions                200   200   403     403    403   403   403    403   302
GET     /users/edit/permissions               200   200   403     403    403   403   403    403   302
POST    /users/columns                            302   302   302     403    403   403   403    403   302
POST    /users/views                              302   302   302     403    403   403   403    403   302
POST    /users/views/{nobody}/delete              302   302   302     403    403   403   403    403   302
GET     /users/export                             200   200   200     403    403   403   403    403   302
GET     /users/import                             200   200   403     403    403   403   403    403   302
POST    /users/import                             422   422   403     403    403   403   403    403   302
POST    /users/import/confirm                     422   422   403     403    403   403   403    403   302
POST    /users/import/errors                      422   422   403     403    403   403   403    403   302
GET     /users/import/errors                      302   302   403     403    403   403   403    403   302
GET     /users/import/columns                     302   302   403     403    403   403   403    403   302
POST    /users/import/columns                     422   422   403     403    403   403   403    403   302
GET     /users/import/update                      200   200   403     403    403   403   403    403   302
POST    /users/import/update                      422   422   403     403    403   403   403    403   302
GET     /users/import/update/confirm              302   302   403     403    403   403   403    403   302
POST    /users/import/update/confirm              422   422   403     403    403   403   403    403   302
GET     /users/import/template                    200   200   403     403    403   403   403    403   302
GET     /users/selected/activate                  302   302   403     403    403   403   403    403   302
POST    /users/selected/activate                  302   302   403     403    403   403   403    403   302
POST    /users/selected/deactivate                302   302   403     403    403   403   403    403   302
POST    /users/selected/lock                      302   302   403     403    403   403   403    403   302
POST    /users/selected/unlock                    302   302   403     403    403   403   403    403   302
POST    /users/selected/sign-out                  302   302   403     403    403   403   403    403   302
POST    /users/selected/assign-role               302   302   403     403    403   403   403    403   302
POST    /users/selected/remove-role               302   302   403     403    403   403   403    403   302
POST    /users/selected/invite                    302   302   403     403    403   403   403    403   302
POST    /users/selected/withdraw-invitation       302   302   403     403    403   403   403    403   302
GET     /users/selected/export                    302   302   302     403    403   403   403    403   302
GET     /users/{nobody}                           404   404   404     403    403   403   403    403   302
GET     /users/{nobody}/access                    404   404   404     403    403   403   403    403   302
GET     /users/{nobody}/sessions                  404   404   404     403    403   403   403    403   302
GET     /users/{nobody}/keys                      404   404   403     403    403   403   403    403   302
GET     /access                                   200   200   200     403    403   403   403    403   302
GET     /access/report                            200   200   200     403    403   403   403    403   302
GET     /users/{nobody}/history                   404   404   404     403    403   403   403    403   302
GET     /users/{nobody}/activity                  404   404   404     403    403   403   403    403   302
GET     /users/{nobody}/roles                     404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/roles                     404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/roles/review              404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/sessions/end              404   404   403     403    403   403   403    403   302
GET     /users/{nobody}/edit                      404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/edit                      404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/reset-password            404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/reset-factors             404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/invitation                404   404   403     403    403   403   403    403   302
GET     /users/{nobody}/invitation/link           404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/invitation/link           404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/invitation/withdraw       404   404   403     403    403   403   403    403   302
GET     /users/{nobody}/grants/new                404   404   403     403    403   403   403    403   302
GET     /users/{nobody}/grants/1                  404   404   403     403    403   403   403    403   302
GET     /users/{nobody}/grants/1/remove           404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/grants/new                404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/grants/1                  404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/grants/1/remove           404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/lock                      404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/unlock                    404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/activate                  404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/deactivate                404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/delete                    404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/sessions/{session}/end    404   404   404     403    403   403   403    403   302
GET     /users/{nobody}/keys/new                  404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/keys/new                  404   404   403     403    403   403   403    403   302
GET     /users/{nobody}/keys/{session}/revoke     404   404   403     403    403   403   403    403   302
POST    /users/{nobody}/keys/{session}/revoke     404   404   403     403    403   403   403    403   302
GET     /audit                                    200   200   200     403    403   403   403    403   302
GET     /audit/users                              200   200   200     403    403   403   403    403   302
GET     /audit/{nobody}                           404   404   404     403    403   403   403    403   302
GET     /audit/export                             200   200   200     403    403   403   403    403   302
GET     /audit/report                             200   200   200     403    403   403   403    403   302
GET     /audit/report/periods                     200   200   200     403    403   403   403    403   302
GET     /audit/status                             302   302   302     403    403   403   403    403   302
POST    /audit/verify                             302   302   302     403    403   403   403    403   302
GET     /audit/checkpoint                         404   404   404     403    403   403   403    403   302
GET     /audit/{nobody}/proof                     404   404   404     403    403   403   403    403   302
POST    /audit/saved                              422   422   422     403    403   403   403    403   302
POST    /audit/saved/{nobody}/delete              302   302   302     403    403   403   403    403   302
POST    /first-start/test-mail                    302   403   403     403    403   403   403    403   302
POST    /first-start/dismiss                      302   403   403     403    403   403   403    403   302
POST    /scheme                                   302   302   302     302    302   302   302    302   302
GET     /device                                   200   200   200     200    200   200   200    200   302
POST    /device                                   422   422   422     422    422   422   422    422   302
POST    /device/approve                           422   422   422     422    422   422   422    422   302
POST    /device/refuse                            422   422   422     422    422   422   422    422   302
GET     /profile                                  200   200   200     200    200   200   200    200   302
GET     /profile/time-zone                        200   200   200     200    200   200   200    200   302
POST    /profile/time-zone                        302   302   302     302    302   302   302    302   302
GET     /profile/access                           200   200   200     200    200   200   200    200   302
GET     /profile/sessions                         200   200   200     200    200   200   200    200   302
GET     /profile/keys                             200   200   200     200    200   200   200    200   302
GET     /profile/email                            200   200   200     200    200   200   200    200   302
POST    /profile/email                            422   422   422     422    422   422   422    422   302
POST    /profile/email/cancel                     404   404   404     404    404   404   404    404   302
POST    /profile/email/confirm                    302   302   302     302    302   302   302    302   302
GET     /profile/security                         200   200   200     200    200   200   200    200   302
GET     /profile/security/confirm                 200   200   200     200    200   200   200    200   302
POST    /profile/security/confirm                 422   422   422     422    422   422   422    422   302
POST    /profile/security/confirm/passkey         422   422   422     422    422   422   422    422   302
POST    /profile/security/confirm/options         200   200   200     200    200   200   200    200   302
GET     /profile/security/app                     200   200   200     200    200   200   200    200   302
POST    /profile/security/app                     422   422   422     422    422   422   422    422   302
GET     /profile/security/app/remove              404   404   404     404    404   404   404    404   302
POST    /profile/security/app/remove              404   404   404     404    404   404   404    404   302
GET     /profile/security/passkeys/new            200   200   200     200    200   200   200    200   302
POST    /profile/security/passkeys/new            422   422   422     422    422   422   422    422   302
POST    /profile/security/passkeys/options        200   200   200     200    200   200   200    200   302
GET     /profile/security/passkeys/{nobody}/remove  404 404   404     404    404   404   404    404   302
POST    /profile/security/passkeys/{nobody}/remove  404 404   404     404    404   404   404    404   302
GET     /profile/security/recovery-codes          200   200   200     200    200   200   200    200   302
POST    /profile/security/recovery-codes          422   422   422     422    422   422   422    422   302
GET     /profile/sessions/end                     200   200   200     200    200   200   200    200   302
POST    /profile/sessions/end                     302   302   302     302    302   302   302    302   302
POST    /profile/sessions/{session}/end           404   404   404     404    404   404   404    404   302
GET     /profile/keys/new                         200   200   200     200    200   200   200    200   302
POST    /profile/keys/new                         422   422   422     422    422   422   422    422   302
GET     /profile/keys/{session}/revoke            404   404   404     404    404   404   404    404   302
POST    /profile/keys/{session}/revoke            404   404   404     404    404   404   404    404   302
GET     /roles                                    200   200   200     403    403   403   403    403   302
GET     /roles/{nobody}                           404   404   404     403    403   403   403    403   302
GET     /roles/new                                200   200   403     403    403   403   403    403   302
POST    /roles/new                                422   422   403     403    403   403   403    403   302
GET     /roles/new/review                         302   302   403     403    403   403   403    403   302
POST    /roles/new/review                         422   422   403     403    403   403   403    403   302
GET     /roles/{nobody}/edit                      404   404   403     403    403   403   403    403   302
POST    /roles/{nobody}/edit                      404   404   403     403    403   403   403    403   302
POST    /roles/{nobody}/edit/review               404   404   403     403    403   403   403    403   302
GET     /roles/{nobody}/clone                     404   404   403     403    403   403   403    403   302
GET     /roles/{nobody}/delete                    404   403   403     403    403   403   403    403   302
POST    /roles/{nobody}/delete                    404   403   403     403    403   403   403    403   302
GET     /search                                   200   200   200     200    200   200   200    200   302
GET     /settings                                 200   200   200     403    403   403   403    403   302
GET     /docs                                     200   200   200     200    200   200   200    200   302
GET     /docs/users                               200   200   200     200    200   200   200    200   302
GET     /docs/nothing                             404   404   404     404    404   404   404    404   302
GET     /roles/{nobody}/users/add                 404   404   403     403    403   403   403    403   302
POST    /roles/{nobody}/users/add                 404   404   403     403    403   403   403    403   302
GET     /roles/{nobody}/users/{nobody}/remove     404   404   403     403    403   403   403    403   302
POST    /roles/{nobody}/users/{nobody}/remove     404   404   403     403    403   403   403    403   302
GET     /exclusions                               200   200   200     403    403   403   403    403   302
GET     /exclusions/new                           200   200   403     403    403   403   403    403   302
POST    /exclusions/new                           422   422   403     403    403   403   403    403   302
GET     /exclusions/violations                    200   200   200     403    403   403   403    403   302
GET     /exclusions/{nobody}                      404   404   404     403    403   403   403    403   302
GET     /exclusions/{nobody}/edit                 404   404   403     403    403   403   403    403   302
POST    /exclusions/{nobody}/edit                 404   404   403     403    403   403   403    403   302
GET     /exclusions/{nobody}/delete               404   404   403     403    403   403   403    403   302
POST    /exclusions/{nobody}/delete               404   404   403     403    403   403   403    403   302
GET     /exclusions/{nobody}/exceptions/new       404   404   403     403    403   403   403    403   302
POST    /exclusions/{nobody}/exceptions/new       404   404   403     403    403   403   403    403   302
GET     /exclusions/{nobody}/exceptions/{nobody}/approve  404 404 403 403 403  403   403    403   302
POST    /exclusions/{nobody}/exceptions/{nobody}/approve  404 404 403 403 403  403   403    403   302
GET     /exclusions/{nobody}/exceptions/{nobody}/withdraw 404 404 403 403 403  403   403    403   302
POST    /exclusions/{nobody}/exceptions/{nobody}/withdraw 404 404 403 403 403  403   403    403   302
GET     /applications                             200   200   200     403    403   403   403    403   302
GET     /applications/{nobody}                    404   404   404     403    403   403   403    403   302
GET     /applications/{nobody}/setup              404   404   404     403    403   403   403    403   302
GET     /applications/{nobody}/sign-ins           404   404   404     403    403   403   403    403   302
GET     /applications/{nobody}/permissions        404   404   404     403    403   403   403    403   302
GET     /applications/{nobody}/activity           404   404   404     403    403   403   403    403   302
GET     /applications/new                         200   403   403     403    403   403   403    403   302
POST    /applications/new                         422   403   403     403    403   403   403    403   302
GET     /applications/{nobody}/edit               404   403   403     403    403   403   403    403   302
POST    /applications/{nobody}/edit               404   403   403     403    403   403   403    403   302
GET     /applications/{nobody}/secret             404   403   403     403    403   403   403    403   302
POST    /applications/{nobody}/secret             404   403   403     403    403   403   403    403   302
GET     /applications/{nobody}/deactivate         404   403   403     403    403   403   403    403   302
POST    /applications/{nobody}/deactivate         404   403   403     403    403   403   403    403   302
GET     /applications/{nobody}/activate           404   403   403     403    403   403   403    403   302
POST    /applications/{nobody}/activate           404   403   403     403    403   403   403    403   302
GET     /applications/{nobody}/delete             404   403   403     403    403   403   403    403   302
POST    /applications/{nobody}/delete             404   403   403     403    403   403   403    403   302
POST    /applications/{nobody}/sign-ins/{session}/end 404   404   404     403    403   403   403    403   302
POST    /users/{nobody}/programs/{session}/end    404   404   404     403    403   403   403    403   302
POST    /profile/programs/{session}/end           404   404   404     404    404   404   404    404   302
GET     /permissions                              200   200   200     403    403   403   403    403   302
GET     /permissions/user_create                  200   200   200     403    403   403   403    403   302
GET     /permissions/nothing                      404   404   404     403    403   403   403    403   302
GET     /nothing-here                             404   404   404     404    404   404   404    404   404
GET     /admin                                    302   302   302     302    302   302   302    302   302
GET     /admin/                                   200   403   403     403    403   403   403    403   302
GET     /admin/accounts/user/                     200   403   403     403    403   403   403    403   302
GET     /admin/accounts/user/add/                 200   403   403     403    403   403   403    403   302
GET     /admin/accounts/user/{nobody}/change/     302   403   403     403    403   403   403    403   302
POST    /admin/accounts/user/{nobody}/delete/     302   403   403     403    403   403   403    403   302
GET     /admin/accounts/role/                     200   403   403     403    403   403   403    403   302
GET     /admin/accounts/role/add/                 200   403   403     403    403   403   403    403   302
POST    /admin/accounts/role/{nobody}/delete/     302   403   403     403    403   403   403    403   302
GET     /admin/accounts/permission/               200   403   403     403    403   403   403    403   302
GET     /admin/accounts/permission/add/           403   403   403     403    403   403   403    403   302
GET     /admin/accounts/session/                  200   403   403     403    403   403   403    403   302
GET     /admin/accounts/session/add/              403   403   403     403    403   403   403    403   302
GET     /reviews                                  200   200   200     403    403   403   403    403   302
GET     /reviews/new                              200   200   403     403    403   403   403    403   302
POST    /reviews/new                              422   422   403     403    403   403   403    403   302
GET     /reviews/{nobody}                         404   404   404     403    403   403   403    403   302
POST    /reviews/{nobody}                         404   404   404     403    403   403   403    403   302
GET     /reviews/{nobody}/edit                    404   404   403     403    403   403   403    403   302
POST    /reviews/{nobody}/edit                    404   404   403     403    403   403   403    403   302
GET     /reviews/{nobody}/close                   404   404   403     403    403   403   403    403   302
POST    /reviews/{nobody}/close                   404   404   403     403    403   403   403    403   302
POST    /reviews/{nobody}/rest                    404   404   404     403    403   403   403    403   302
POST    /reviews/{nobody}/unchanged               404   404   404     403    403   403   403    403   302
POST    /reviews/{nobody}/items/{nobody}/removal  404   404   404     403    403   403   403    403   302
GET     /reviews/{nobody}/report                  404   404   404     403    403   403   403    403   302
GET     /requests                                 200   200   403   403   403   403   403   403   302
GET     /requests/new                             200   200   200   200   200   200   200   200   302
POST    /requests/new                             422   422   422   422   422   422   422   422   302
GET     /requests/{nobody}                        404   404   404   404   404   404   404   404   302
GET     /requests/{nobody}/grant                  404   404   403   403   403   403   403   403   302
POST    /requests/{nobody}/grant                  404   404   403   403   403   403   403   403   302
GET     /requests/{nobody}/decline                404   404   403   403   403   403   403   403   302
POST    /requests/{nobody}/decline                404   404   403   403   403   403   403   403   302
GET     /requests/{nobody}/withdraw               404   404   404   404   404   404   404   404   302
POST    /requests/{nobody}/withdraw               404   404   404   404   404   404   404   404   302
GET     /profile/requests                         200   200   200   200   200   200   200   200   302
GET     /admin/access_requests/accessrequest/     200   403   403   403   403   403   403   403   302
GET     /admin/reviews/review/                    200   403   403     403    403   403   403    403   302
GET     /admin/reviews/reviewitem/                200   403   403     403    403   403   403    403   302
GET     /admin/sso/application/                   200   403   403     403    403   403   403    403   302
GET     /admin/sso/application/add/               403   403   403     403    403   403   403    403   302
GET     /admin/sso/application/{nobody}/change/   302   403   403     403    403   403   403    403   302
POST    /admin/sso/application/{nobody}/delete/   302   403   403     403    403   403   403    403   302
GET     /admin/sso/appsignin/                     200   403   403     403    403   403   403    403   302
GET     /admin/sso/logoutnotice/                  200   403   403     403    403   403   403    403   302
GET     /admin/sso/signingkey/                    200   403   403     403    403   403   403    403   302
GET     /admin/audit/auditlog/                    200   403   403     403    403   403   403    403   302
GET     /admin/audit/auditlog/add/                403   403   403     403    403   403   403    403   302
GET     /admin/login/                             302   403   403     403    403   403   403    403   302
GET     /admin/nothing-here/                      404   403   403     403    403   403   403    403   302
"""


def rows(table):
    """(method, path, {actor: status}) of each line of a table."""
    found = []
    for line in table.strip().splitlines()[1:]:
        method, path, *statuses = line.split()
        assert len(statuses) == len(ACTORS), line
        path = path.replace("{nobody}", str(NOBODY)).replace("{session}", SESSION)
        found.append((method, path, dict(zip(ACTORS, map(int, statuses), strict=True))))
    return found


def statuses(callers, table, ask):
    """{method and path: {actor: status}}; nobody is signed out, or otherwise changed, by another row.

    In one test, as to sign everybody in takes longest.
    """
    cookies = {actor: deepcopy(caller.cookies) for actor, caller in callers.items() if isinstance(caller, Client)}
    found = {}
    for method, path, _ in table:
        with transaction.atomic():
            found[f"{method} {path}"] = {
                actor: ask(caller, method, path).status_code for actor, caller in callers.items()
            }
            transaction.set_rollback(method != "GET")
        if method != "GET":
            clear_caches()
            for actor, kept in cookies.items():
                callers[actor].cookies = deepcopy(kept)
    return found


def expected_of(table, callers=tuple(ACTORS)):
    return {f"{method} {path}": {actor: expected[actor] for actor in callers} for method, path, expected in table}


@pytest.fixture
def callers(cast, anonymous):
    """Everybody with a token."""
    found = {**{actor: Caller(user) for actor, user in cast.by_slug().items()}, "anonymous": anonymous}
    assert all(caller.token for caller in found.values() if caller.user)
    return found


@pytest.fixture
def browsers(cast, client):
    """Everybody with a browser, signed in through the sign-in page."""
    return {**{actor: page_client(user) for actor, user in cast.by_slug().items()}, "anonymous": client}


def test_the_api_is_open_to_whom_it_should_be(callers):
    table = rows(API)
    found = statuses(callers, table, lambda caller, method, path: caller.call(method, path, body_of(method)))
    assert found == expected_of(table)


def body_of(method):
    return None if method in {"GET", "DELETE"} else {}


def test_a_page_is_open_to_whom_it_should_be(browsers, stack):
    if stack == "sqlite":  # Python decides by role who is refused; that each page opens depends on the database
        browsers = {actor: browsers[actor] for actor in MOST_AND_LEAST}
    table = rows(PAGES)
    found = statuses(browsers, table, lambda browser, *request: browser.generic(*request))
    assert found == expected_of(table, browsers)


def test_the_pages_cookie_opens_the_same_of_the_api_as_a_token(browsers):
    table = [row for row in rows(API) if row[1].startswith(("/api/users", "/api/roles", "/api/permissions", "/api/a"))]
    assert len(table) > 40

    def ask(browser, method, path):
        return browser.generic(method, path, "" if body_of(method) is None else "{}", "application/json")

    assert statuses(browsers, table, ask) == expected_of(table)
