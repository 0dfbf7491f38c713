"""Commands whose changes are in the audit log: each takes `--reason`."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reprotech.core.change_reason import ReasonQuestion, read_reason
from reprotech.core.request_context import current_reason, set_reason

OPTION = "--reason"


class RecordedCommand(BaseCommand):
    """A command that an operator runs to change something, and that may have to say why (REASON_REQUIRED_FOR)."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument(OPTION, metavar="TEXT", help="why, for the audit log")
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv([*argv[:2], *option_first(argv[2:])])

    def execute(self, *args: Any, reason: str | None = None, **options: Any) -> str | None:
        """Run it with the reason; raises CommandError where one is missing or isn't valid."""
        before = current_reason()
        # No form shows it: what needs a reason ends the command.
        given = read_reason(reason, None, has_field=False)
        if given.problem:
            raise CommandError(f"{OPTION}: {given.problem}")
        set_reason(given)
        try:
            return super().execute(*args, **options)
        except ReasonQuestion as question:
            raise CommandError(f"{question} Add {OPTION} TEXT. Nothing was changed.") from None
        finally:
            set_reason(before)


def option_first(arguments: Sequence[str]) -> list[str]:
    """The same with `--reason TEXT` before the verb of a command that has verbs: its own parser doesn't know it."""
    if OPTION in arguments[:-1]:
        place = arguments.index(OPTION)
        return [OPTION, arguments[place + 1], *arguments[:place], *arguments[place + 2 :]]
    return sorted(arguments, key=lambda each: not each.startswith(f"{OPTION}="))
