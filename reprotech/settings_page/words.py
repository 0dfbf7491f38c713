"""Values of environment variables in words, without a secret."""

import re

from reprotech.conf.env import Environment
from reprotech.conf.reference import URL_KINDS, is_secret, parse_address, raw_value
from reprotech.settings_page.catalogue import Variable

#: Of a number, by the end of its variable's name.
UNIT = re.compile(r"_(SECOND|MINUTE|HOUR|DAY|WEEK|MONTH)S$")
SCHEMES = {
    "sqlite": "SQLite",
    "postgres": "PostgreSQL",
    "postgresql": "PostgreSQL",
    "redis": "Redis",
    "rediss": "Redis, encrypted",
    "smtp": "SMTP, not encrypted",
    "smtp+tls": "SMTP with STARTTLS",
    "smtp+ssl": "SMTP with TLS",
    "smtps": "SMTP with STARTTLS",
    "consolemail": "Only shown in the server's output",
    "memorymail": "Only kept in memory",
    "dummymail": "Thrown away",
    "filemail": "Written to files",
}
CHOICES = {"X-Forwarded": "X-Forwarded-For and X-Forwarded-Proto", "Forwarded": "Forwarded (RFC 7239)", "json": "JSON"}
#: What is counted, not shown: long, and of no use to a reader.
KEY_LISTS = {"public_keys", "log_keys"}
LISTS = {"words", "networks", "hosts", "origins", "addresses"}


def value_in_words(env: Environment, variable: Variable) -> str:
    kind = env.kinds.get(variable.name)
    if kind is None:
        return "Not used with these settings"
    if env.kinds.get(f"{variable.name}_FILE") and raw_value(env, f"{variable.name}_FILE"):
        return "Set, in a file"
    value = raw_value(env, variable.name)
    if not value:
        return variable.empty
    if is_secret(env, variable.name):
        return "Set"
    return _readable(variable, kind, value)


def _readable(variable: Variable, kind: str, value: str) -> str:
    if kind in URL_KINDS:
        return _address(value, has_secret_path=kind == "webhook")
    if kind in KEY_LISTS or variable.name == "BACKUP_RECIPIENTS":
        return _counted(len(_words(value)), "key")
    if kind == "number":
        return variable.zero if variable.zero and int(value) == 0 else _counted(int(value), _unit(variable))
    if kind == "flag":
        return "On" if value.lower() in {"true", "1", "yes", "on"} else "Off"
    return ", ".join(_words(value)) if kind in LISTS else CHOICES.get(value, value)


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _unit(variable: Variable) -> str:
    found = UNIT.search(variable.name)
    return variable.unit or (found[1].lower() if found else "")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 or not unit else 's'}".strip()


def _address(url: str, *, has_secret_path: bool) -> str:
    """What a URL leads to, without user, password and query: a place, or at least its kind."""
    scheme = url.partition("://")[0].lower()
    name = SCHEMES.get(scheme, "")
    address = parse_address(url)
    if address is None:
        return name or "Set"
    if scheme.endswith("mail"):
        return name
    place = address.host if has_secret_path or not address.path else f"{address.host}/{address.path}".lstrip("/")
    if scheme == "sqlite":
        place = address.path
    return f"{name}: {place}" if name and place else place or name or "Set"
