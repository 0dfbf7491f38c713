"""A line of the log is one event, whatever the request holds, and tells no secret."""

import json
import logging
import os
from dataclasses import replace

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.monitoring.log_formatters import ORIGIN, USER_ID, JSONFormatter, RequestFilter, TextFormatter
from reprotech.settings import LOGGING
from reprotech.testing.commands import evaluate

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database

TEXT = TextFormatter(LOGGING["formatters"]["text"]["format"])
HOSTILE = "/x\n2026-01-01 00:00:00,000 INFO forged\r\x1b[2J\u202e\u2028\x85\ud800\x00"


def record(message, *args, level=logging.INFO, name="reprotech", error=None):
    made = logging.LogRecord(name, level, "", 0, message, args, (type(error), error, None) if error else None)
    RequestFilter().filter(made)
    return made


@pytest.mark.parametrize("formatter", [TEXT, JSONFormatter()], ids=["text", "json"])
def test_a_path_makes_no_lines_of_its_own_and_no_escape_sequences(formatter):
    line = formatter.format(record("GET %s 404", HOSTILE))
    assert not {"\n", "\r", "\x1b", "\x00"} & set(line)
    assert line.encode()  # it can be written


def test_a_text_line_holds_nothing_that_any_reader_takes_for_an_end():
    assert TEXT.format(record("GET %s 404", HOSTILE)).isprintable()


def test_json_lines_hold_the_path_as_it_came():
    line = JSONFormatter().format(record("GET %s", "/a\nb"))
    assert json.loads(line)["message"] == "GET /a\nb"


@pytest.mark.parametrize("formatter", [TEXT, JSONFormatter()], ids=["text", "json"])
@pytest.mark.parametrize(
    "path", ["/set-password/MQ/abc-def", "/set-password/MQ/abc-def/more", "//set-password/MQ/abc-def"]
)
def test_a_link_that_sets_a_password_is_not_told(formatter, path):
    line = formatter.format(record("Not Found: %s", path, name="django.request"))
    assert "set-password/..." in line
    assert "abc-def" not in line


ORIGIN_OF_ONE = RequestOrigin(ip_address="192.0.2.7", request_id="a-request-id")


def test_a_line_names_its_server_and_outside_a_request_no_client():
    line = json.loads(JSONFormatter().format(record("The audit worker ended.")))
    assert line["instance"] == settings.INSTANCE
    assert (line["request_id"], "client" in line) == ("-", False)
    assert f"reprotech [{settings.INSTANCE} - -] The audit" in TEXT.format(record("The audit worker ended."))


def test_a_line_within_a_request_names_its_client_and_so_does_djangos_own_after_it():
    with request_origin(ORIGIN_OF_ONE):
        within = record("GET /")
    request = RequestFactory().get("/")
    request.META |= {ORIGIN: ORIGIN_OF_ONE, USER_ID: 7}
    made = logging.LogRecord("django.request", logging.WARNING, "", 0, "Forbidden: %s", ("/",), None)
    made.request = request
    RequestFilter().filter(made)
    for each in (within, made):
        line = json.loads(JSONFormatter().format(each))
        assert (line["request_id"], line["client"]) == ("a-request-id", "192.0.2.7")
    assert json.loads(JSONFormatter().format(made))["user_id"] == 7
    assert f"[{settings.INSTANCE} a-request-id 192.0.2.7]" in TEXT.format(made)


def test_the_cookie_by_which_a_browser_is_known_is_in_no_text_about_its_request():
    assert "secret" not in repr(replace(ORIGIN_OF_ONE, device_cookie="secret"))


def test_lines_of_the_server_that_speaks_http_have_the_same_form():
    code = """
from reprotech.conf.logging import server_logging_config
from granian.log import LogLevels, configure_logging, logger
from django.conf import settings
settings.configure(INSTANCE="one")
configure_logging(LogLevels.error, server_logging_config("json"))
logger.error("Unexpected exit from worker-1")
"""
    line = json.loads(evaluate(code, env=dict(os.environ)).stdout)
    expected = {"level": "ERROR", "logger": "_granian", "instance": "one", "request_id": "-"}
    assert line.items() >= {**expected, "message": "Unexpected exit from worker-1"}.items()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "('reprotech_auth.log', 10000000, 10)"),
        ({"LOG_FILE_MB": "200", "LOG_FILE_COUNT": "3"}, "('reprotech_auth.log', 200000000, 3)"),
        ({"LOG_FILE": "false"}, "(None, 10000000, 10)"),
    ],
)
def test_settings_say_how_large_the_file_becomes_how_many_stay_and_whether_there_is_one(tmp_path, changed, expected):
    handler = "s.LOGGING['handlers']['lines']"
    code = f"""
from reprotech import settings as s
file = {handler}['filename']
print((file and file.name, {handler}['max_bytes'], {handler}['backup_count']), s.LOG_DIR.exists())
"""
    directory = tmp_path / "logs"
    variables = {"DEBUG": "true", "LOG_DIR": str(directory), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), **changed}
    said = evaluate(code, env=os.environ | {"LOG_FILE": "", "LOG_FILE_MB": "", "LOG_FILE_COUNT": ""} | variables)
    assert said.stdout.strip() == f"{expected} {changed.get('LOG_FILE') != 'false'}", said.stderr


def test_a_refusal_leaves_no_stack_trace_and_a_failure_does():
    refused = record("Forbidden", level=logging.WARNING, name="django.request", error=PermissionDenied())
    failed = record("Error", level=logging.ERROR, name="django.request", error=ZeroDivisionError())
    assert "PermissionDenied" not in TEXT.format(refused)
    assert "ZeroDivisionError" in TEXT.format(failed)
