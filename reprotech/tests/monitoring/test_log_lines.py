"""A line of the log is one event, whatever the request holds, and tells no secret."""

import json
import logging

import pytest
from django.core.exceptions import PermissionDenied

from reprotech.monitoring.log_formatters import JSONFormatter, RequestFilter, TextFormatter
from reprotech.settings import LOGGING

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


def test_a_refusal_leaves_no_stack_trace_and_a_failure_does():
    refused = record("Forbidden", level=logging.WARNING, name="django.request", error=PermissionDenied())
    failed = record("Error", level=logging.ERROR, name="django.request", error=ZeroDivisionError())
    assert "PermissionDenied" not in TEXT.format(refused)
    assert "ZeroDivisionError" in TEXT.format(failed)
