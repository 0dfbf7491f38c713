"""Whatever a client or a proxy writes into a request, the answer is none of ours that failed."""

from io import BytesIO
from ipaddress import ip_network

import pytest
from django.db import transaction
from django.test.client import ClientHandler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprotech.testing.cast import NOBODY
from reprotech.testing.client import Caller, page_client
from reprotech.tests.security.api_access import API
from reprotech.tests.security.test_access_matrix import PAGES, rows

#: What a server makes of bytes in headers and addresses (PEP 3333): one character for each, of those that HTTP allows.
TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=40)
WORDS = st.sampled_from(
    r"""
    https http for= for="[::1]:1" 203.0.113.5:1 [2001:db8::1]:443 fe80::1%25eth0 unknown _x , ; = " % [ ] : -1 0 1e3 *
    null true {} {"a":1} [] a=b; application/json text/csv multipart/form-data;boundary=x multipart/form-data chunked
    application/x-www-form-urlencoded;charset=x charset=utf-7 Bearer Basic Basic=Og== W/"1" "1" gzip en 100-continue
    bytes=0-1 Mon,01Jan2020 999999999999999999999 localhost testserver:80 evil.example [::1 ÿþ é %ff %00 %F0%9F %d800
    """.split()
)
VALUE = st.one_of(
    TEXT,
    st.lists(st.one_of(WORDS, TEXT), max_size=5).map(",".join),
    st.lists(WORDS, max_size=3).map("".join),
)
PARAMETERS = st.sampled_from("page per_page search sort from to user role action next q format".split())
HEADERS = """
    ACCEPT ACCEPT_LANGUAGE ACCEPT_ENCODING AUTHORIZATION COOKIE EXPECT FORWARDED HOST HX_REQUEST HX_TARGET
    HX_CURRENT_URL
    HX_CURRENT_URL_URI_AUTOENCODED IF_MATCH IF_MODIFIED_SINCE IF_NONE_MATCH IF_UNMODIFIED_SINCE ORIGIN RANGE REFERER
    TRANSFER_ENCODING USER_AGENT X_CSRFTOKEN X_REASON X_FORWARDED_FOR X_FORWARDED_PROTO X_FORWARDED_HOST X_REAL_IP
    X_HTTP_METHOD_OVERRIDE X_REQUEST_ID ACCESS_CONTROL_REQUEST_METHOD ACCESS_CONTROL_REQUEST_HEADERS SEC_FETCH_SITE
""".split()
ADDRESSES = sorted({address for _, address, _ in (*rows(API), *rows(PAGES)) if "logout" not in address})
REQUESTS = {
    "method": st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get"]),
    "path": st.one_of(
        st.sampled_from(ADDRESSES),
        st.tuples(st.sampled_from(ADDRESSES), TEXT).map("".join),
        st.tuples(st.sampled_from(ADDRESSES), TEXT).map(lambda parts: parts[0].replace(str(NOBODY), parts[1])),
    ),
    "query": st.one_of(TEXT, st.lists(st.tuples(PARAMETERS, VALUE).map("=".join), max_size=4).map("&".join)),
    "headers": st.dictionaries(st.sampled_from(HEADERS), VALUE, max_size=5),
    "content": st.dictionaries(st.sampled_from(["CONTENT_TYPE", "CONTENT_LENGTH"]), VALUE, max_size=2),
    "body": st.one_of(st.binary(max_size=200), VALUE.map(lambda text: text.encode("latin-1"))),
    "as_page": st.booleans(),
}


@pytest.fixture
def credentials(cast):
    """What a browser and a program send to show who they are."""
    cookies = page_client(cast.super_admin).cookies
    return {
        True: {"HTTP_COOKIE": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())},
        False: {"HTTP_AUTHORIZATION": f"Bearer {Caller(cast.super_admin).token}"},
    }


@pytest.fixture
def behind_proxy(settings):
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.0/24")]
    settings.CORS_ALLOWED_ORIGINS = ["https://lims.example"]


@given(**REQUESTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_makes_the_server_fail(
    credentials, behind_proxy, method, path, query, headers, content, body, as_page
):
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.10",
        "HTTP_HOST": "testserver",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **credentials[as_page],
        **{f"HTTP_{name}": value for name, value in headers.items()},
        **content,
    }
    with transaction.atomic():
        response = ClientHandler(enforce_csrf_checks=False)(environ)
        b"".join(response)
        transaction.set_rollback(True)
    assert response.status_code < 500
