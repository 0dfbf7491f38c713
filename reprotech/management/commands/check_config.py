"""`manage.py check_config`: every setting, where its value came from, and what is unsafe."""

import difflib
import re
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from access_history.checking.outcome import last_check
from reprotech.conf.deploy_checks import unsafe_settings
from reprotech.conf.env import Environment
from reprotech.conf.reference import documented_variables, redacted_value
from reprotech.core.status import connect_without_pool

NAME = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)


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
        self.stdout.write(access_history())
        self.stdout.write(f"Reprotech starts with these settings. Unsafe: {unsafe or 'nothing'}.")

    def _explain(self, name: str, unsafe: list[str]) -> None:
        self.stdout.write(f"    {name} = {redacted_value(settings.ENV, name)}   [{settings.ENV.source(name)}]")
        for sentence in unsafe:
            self.stdout.write(self.style.WARNING(f"        Unsafe: {sentence}"))


def access_history() -> str:
    """What the last check of the access history found, if there is a database to ask."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).is_file():
        return "There is no access history yet: the database isn't made."  # to connect would make it
    try:
        if connection.vendor == "postgresql":
            connect_without_pool().close()  # it fails at once
        return last_check().sentence
    except (psycopg.Error, DatabaseError):
        # The reason may name addresses and users.
        return "Whether the access history is what the audit log says isn't known: the database can't be read."


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
