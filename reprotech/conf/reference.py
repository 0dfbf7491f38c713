"""All environment variables with their description from `.env.example`, redacted value and origin."""

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
#: Kinds of variables that are a secret, and of URLs that may contain one.
SECRET_KINDS = {"secret", "old_secrets", "signing_key", "token_key"}
URL_KINDS = {"database", "redis", "webhook", "email"}
SECRET_NAME = re.compile("PASSWORD|SECRET|TOKEN")
HIDDEN = "(hidden)"


@dataclass
class VariableGroup:
    heading: str
    text: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def documented_variables(env: Environment) -> Iterator[VariableGroup]:
    """The paragraphs of `.env.example`, then the variables that it lacks."""
    documented: set[str] = set()
    for paragraph in _paragraphs(Path(settings.BASE_DIR, EXAMPLE).read_text(encoding="utf-8")):
        documented.update(paragraph.names)
        yield paragraph
    if others := sorted(set(env.kinds) - documented):
        yield VariableGroup("Others", [], others)


def _paragraphs(example: str) -> Iterator[VariableGroup]:
    heading = ""
    for block in example.split("\n\n"):
        group = VariableGroup(heading)
        for line in block.splitlines():
            if title := HEADING.fullmatch(line):
                heading = title[1]
            elif variable := EXAMPLE_VALUE.match(line):
                group.names.append(variable[1])
            else:
                group.text.append(line.removeprefix("#").strip())
        if group.names:
            yield group


def redacted_value(env: Environment, name: str) -> str:
    """A variable's value without secrets."""
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
    """A URL without its password and query, and a webhook's without its path.

    Nothing is shown where a character of the password may have been parsed as a part of the URL.
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
    """Warnings about names in `.env` that nothing reads and that look misspelt."""
    try:
        names = NAME.findall(env.env_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return
    known = {*env.kinds, *(name for paragraph in documented_variables(env) for name in paragraph.names)}
    for name in names:
        if name not in known and (meant := difflib.get_close_matches(name.upper(), known, 1, cutoff=0.8)):
            yield f"{env.env_file.name} has {name}, which nothing reads. Do you mean {meant[0]}?"
