"""Every setting with its meaning, its value as it may be shown, and where that came from."""

import difflib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from reprotech.conf.env import Environment

EXAMPLE = ".env.example"
HEADING = re.compile(r"# --- (.+) ---")
EXAMPLE_VALUE = re.compile(r"# ([A-Z][A-Z0-9_]*)=")
NAME = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)
#: How settings are read that hold nothing but a secret, and those that may hold one within an address.
SECRET_KINDS = {"secret", "old_secrets", "signing_key", "token_key"}
URL_KINDS = {"database", "redis", "webhook", "email"}
SECRET_NAME = re.compile("PASSWORD|SECRET|TOKEN")
HIDDEN = "(hidden)"


@dataclass
class VariableGroup:
    """What `.env.example` says about some variables."""

    heading: str
    text: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def documented_variables(env: Environment) -> Iterator[VariableGroup]:
    """The paragraphs of `.env.example`, then one with what is read and not told of there."""
    told: set[str] = set()
    for paragraph in _paragraphs(Path(settings.BASE_DIR, EXAMPLE).read_text(encoding="utf-8")):
        told.update(paragraph.names)
        yield paragraph
    if others := sorted(set(env.kinds) - told):
        yield VariableGroup("Others", [], others)


def _paragraphs(example: str) -> Iterator[VariableGroup]:
    heading = ""
    for block in example.split("\n\n"):
        found = VariableGroup(heading)
        for line in block.splitlines():
            if title := HEADING.fullmatch(line):
                heading = title[1]
            elif variable := EXAMPLE_VALUE.match(line):
                found.names.append(variable[1])
            else:
                found.text.append(line.removeprefix("#").strip())
        if found.names:
            yield found


def redacted_value(env: Environment, name: str) -> str:
    """The value of a variable as it may be shown: without what must stay secret."""
    kind = env.kinds.get(name)
    if kind is None:
        return "(not used with these settings)"
    value = env.defaults.get(name, "") if env.source(name) == "default" else os.environ[name].strip()
    if not value:
        return "(none)"
    if kind in SECRET_KINDS or (kind in {"text", "words"} and SECRET_NAME.search(name)):
        return HIDDEN
    if kind in URL_KINDS:
        return HIDDEN if name in env.refused_names else _without_secrets(value)
    return value


def _without_secrets(address: str) -> str:
    """An address without its password, without what follows the question mark, and, of one to post to, its path.

    Where a character in a password may have been taken for a part of the address, nothing is shown.
    """
    whole, question, query = address.partition("?")
    scheme, _, rest = whole.partition("://")
    credentials, at, place = rest.rpartition("@")
    host, slash, path = place.partition("/")
    if not rest or "@" in query or "#" in place or not re.fullmatch(r"[^:]*(:\d+)?|\[[0-9a-f:]+\](:\d+)?", host):
        return HIDDEN
    user, colon, _ = credentials.partition(":")
    path = HIDDEN if scheme.startswith("http") and path else path
    return (
        f"{scheme}://{user}{colon}{HIDDEN if colon else ''}{at}{host}{slash}{path}"
        f"{question}{HIDDEN if question else ''}"
    )


def unknown_variables(env: Environment) -> Iterator[str]:
    """Names in `.env` that nothing reads, but that look like one that something does."""
    try:
        names = NAME.findall(env.env_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return
    known = {*env.kinds, *(name for paragraph in documented_variables(env) for name in paragraph.names)}
    for name in names:
        if name not in known and (meant := difflib.get_close_matches(name.upper(), known, 1, cutoff=0.8)):
            yield f"{env.env_file.name} has {name}, which nothing reads. Do you mean {meant[0]}?"
