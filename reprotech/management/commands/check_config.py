"""`manage.py check_config`: every setting, where its value came from, and what is unsafe."""

import difflib
import os
import re
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from reprotech.conf.deploy_checks import unsafe_settings
from reprotech.conf.env import Environment

HEADING = re.compile(r"# --- (.+) ---")
EXAMPLE_VALUE = re.compile(r"# ([A-Z][A-Z0-9_]*)=")
NAME = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)
#: Kinds of variables that are a secret, and of URLs that may contain one.
SECRET_KINDS = {"secret", "old_secrets", "signing_key", "token_key"}
URL_KINDS = {"database", "redis", "webhook", "email"}
SECRET_NAME = re.compile("PASSWORD|SECRET|TOKEN")
HIDDEN = "(hidden)"


class Command(BaseCommand):
    # For this command `manage.py` loads the settings so that all errors are collected.
    help = (
        "Explain every setting: its value (secrets hidden), whether it comes from the environment, from .env or is the "
        "default, and what is unsafe. Exit code 1: the server would not start; with --strict also: something is unsafe."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--brief", action="store_true", help="leave the explanations out")
        parser.add_argument("--strict", action="store_true", help="fail also when something is unsafe")

    def handle(self, *_: object, brief: bool, strict: bool, **__: object) -> None:
        env = settings.ENV
        unsafe: dict[str, list[str]] = defaultdict(list)
        for warning in unsafe_settings():
            if warning.obj not in env.refused_names:  # the default stands in its place
                unsafe[warning.obj].append(warning.msg)
        heading = ""
        for paragraph in documented_variables(env):
            if paragraph.heading != heading and not brief:
                heading = paragraph.heading
                self.stdout.write(f"\n== {heading}")
            if not brief:
                self.stdout.write("\n" + "\n".join(paragraph.text))
            for name in paragraph.names:
                self._explain(name, unsafe.get(name, []))
        self.stdout.write("")
        self._conclude(sum(map(len, unsafe.values())), strict=strict)

    def _conclude(self, unsafe: int, *, strict: bool) -> None:
        env = settings.ENV
        for sentence in unknown_variables(env):
            self.stdout.write(f"Look at this: {sentence}")
        for refusal in env.problems:
            self.stdout.write(self.style.ERROR(f"Refused: {refusal}"))
        if env.problems:
            raise CommandError("Reprotech can't start with these settings.")
        if unsafe and strict:
            raise CommandError(f"Unsafe: {unsafe}, marked above.")
        self.stdout.write(f"Reprotech starts with these settings. Unsafe: {unsafe or 'nothing'}.")

    def _explain(self, name: str, unsafe: list[str]) -> None:
        self.stdout.write(f"    {name} = {redacted_value(settings.ENV, name)}   [{settings.ENV.source(name)}]")
        for sentence in unsafe:
            self.stdout.write(self.style.WARNING(f"        Unsafe: {sentence}"))


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
