"""Every environment variable: its explanation from `.env.example`, and its value without secrets."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from reprotech.conf.env import Environment

HEADING = re.compile(r"# --- (.+) ---")
EXAMPLE_VALUE = re.compile(r"# ([A-Z][A-Z0-9_]*)=")
#: Kinds of variables that are a secret, and of URLs that may contain one.
SECRET_KINDS = {"secret", "old_secrets", "signing_key", "token_key"}
URL_KINDS = {"database", "redis", "webhook", "email", "collector"}
SECRET_NAME = re.compile("PASSWORD|SECRET|TOKEN")
HIDDEN = "(hidden)"


class Paragraph(NamedTuple):
    heading: str
    text: list[str]
    names: list[str]


def documented_variables(env: Environment) -> Iterator[Paragraph]:
    """The paragraphs of `.env.example`, then the variables that it lacks."""
    heading, documented = "", set()
    for block in Path(settings.BASE_DIR, ".env.example").read_text(encoding="utf-8").split("\n\n"):
        paragraph = Paragraph(heading, [], [])
        for line in block.splitlines():
            if title := HEADING.fullmatch(line):
                heading = title[1]
            elif variable := EXAMPLE_VALUE.match(line):
                paragraph.names.append(variable[1])
            else:
                paragraph.text.append(line.removeprefix("#").strip())
        if paragraph.names:
            documented |= {*paragraph.names}
            yield paragraph
    if others := sorted(set(env.kinds) - documented):
        yield Paragraph("Others", [], others)


def redacted_value(env: Environment, name: str) -> str:
    """A variable's value without secrets."""
    kind = env.kinds.get(name)
    if kind is None:
        return "(not used with these settings)"
    value = raw_value(env, name)
    if not value:
        return "(none)"
    if is_secret(env, name):
        return HIDDEN
    if kind in URL_KINDS:
        return HIDDEN if name in env.refused_names else _without_secrets(value)
    return value


def raw_value(env: Environment, name: str) -> str:
    """The text that is in force, which may be a secret or contain one."""
    return env.defaults.get(name, "") if env.source(name) == "default" else os.environ[name].strip()


def is_secret(env: Environment, name: str) -> bool:
    kind = env.kinds.get(name)
    return kind in SECRET_KINDS or (kind in {"text", "words"} and SECRET_NAME.search(name) is not None)


class Address(NamedTuple):
    """The parts of a URL that are no secret, and whether there were others."""

    scheme: str
    user: str
    has_password: bool
    host: str
    path: str
    has_query: bool


def parse_address(address: str) -> Address | None:
    """None where a character of the password may have been parsed as a part of the URL: nothing may be shown then.

    The path of a webhook is a secret as well.
    """
    whole, question, query = address.partition("?")
    scheme, _, rest = whole.partition("://")
    credentials, _, place = rest.rpartition("@")
    host, _, path = place.partition("/")
    if not rest or "@" in query or "#" in place or not re.fullmatch(r"[^:]*(:\d+)?|\[[0-9a-f:]+\](:\d+)?", host):
        return None
    user, colon, _ = credentials.partition(":")
    path = HIDDEN if scheme.startswith("http") and path else path
    return Address(scheme, user, bool(colon), host, path, bool(question))


def _without_secrets(url: str) -> str:
    address = parse_address(url)
    if address is None:
        return HIDDEN
    user = address.user + (f":{HIDDEN}" if address.has_password else "")
    path = f"/{address.path}" if address.path else ""
    query = f"?{HIDDEN}" if address.has_query else ""
    return f"{address.scheme}://{user}{'@' if user else ''}{address.host}{path}{query}"
