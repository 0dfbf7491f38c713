"""Typed, strict environment variables: a wrong value stops the start with one line."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.utils import get_random_secret_key
from django.core.validators import validate_email

from audit.crypto.signed_note import VerifierKey
from reprotech.conf.web_addresses import normalize_host, normalize_origin
from reprotech.core.jwk import parse_private_key, parse_public_key
from reprotech.core.key_material import parse_seed

MIN_SECRET_BYTES = 32
#: Parts of the example values in documentation, ours and the earlier system's.
EXAMPLE_WORDS = ("change-this", "changeme", "change-me", "your-", "example", "dev-jwt", "insecure")

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")

Network = IPv4Network | IPv6Network
Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")


def reads_variable(
    read: Callable[Concatenate["Environment", str, Arguments], Value],
) -> Callable[Concatenate["Environment", str, Arguments], Value]:
    """Record the variable and its kind; while inspecting, record an error too and continue with the default."""

    @wraps(read)
    def run(self: "Environment", name: str, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        self.kinds.setdefault(name, read.__name__)
        try:
            return read(self, name, *args, **kwargs)
        except ImproperlyConfigured as error:
            if not self.inspecting:
                raise
            self.problems.append(str(error))
            self.refused_names.add(name)
            if "debug" in kwargs:
                kwargs["debug"] = True
            with self._without(name):
                return read(self, name, *args, **kwargs)

    return run


class Environment:
    """The process environment, completed by a `.env` file whose values it overrides."""

    #: Set by `manage.py check_config`: collect all errors instead of stopping at the first.
    inspecting: ClassVar[bool] = False
    #: Set by `manage.py` for a command that ends by itself: it takes DATABASE_DIRECT_URL where there is one.
    for_command: ClassVar[bool] = False

    def __init__(self, env_file: Path) -> None:
        self.env_file = env_file
        #: Since when the values are in force: a process reads them once.
        self.read_at = datetime.now(UTC)
        #: Tells this start from others, also in processes that are forked from this one.
        self.start_id = token_hex(8)
        self.from_process = {name for name, value in os.environ.items() if value.strip()}
        environ.Env.read_env(env_file)
        #: By variable: the name of the method that read it, and the default as text.
        self.kinds: dict[str, str] = {}
        self.defaults: dict[str, str] = {}
        self.problems: list[str] = []
        self.refused_names: set[str] = set()

    def require(self, is_met: bool, sentence: str) -> None:
        """Check a rule about several variables; raises ImproperlyConfigured."""
        if is_met:
            return
        if not self.inspecting:
            raise ImproperlyConfigured(sentence)
        self.problems.append(sentence)

    def source(self, name: str) -> str:
        """Where the value comes from: `environment`, `.env` or `default`."""
        if not os.environ.get(name, "").strip():
            return "default"
        return "environment" if name in self.from_process else ".env"

    def make_directory(self, name: str, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(f"{name} can't be made: {error}.") from None

    @contextmanager
    def _without(self, name: str) -> Iterator[None]:
        taken = {each: os.environ.pop(each) for each in (name, f"{name}_FILE") if each in os.environ}
        try:
            yield
        finally:
            os.environ.update(taken)

    @reads_variable
    def text(self, name: str, default: str = "") -> str:
        self.defaults.setdefault(name, default)
        return os.environ.get(name, "").strip() or default

    @reads_variable
    def words(self, name: str, default: str = "") -> list[str]:
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    @reads_variable
    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name, str(default)).lower()
        if value in {"true", "1", "yes", "on"}:
            return True
        if value in {"false", "0", "no", "off"}:
            return False
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")

    @reads_variable
    def number(self, name: str, default: int, between: tuple[int, int]) -> int:
        value, (least, most) = self.text(name, str(default)), between
        if value.isascii() and value.isdigit() and least <= int(value[:18]) <= most:
            return int(value)
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")

    @reads_variable
    def time_zone(self, name: str, default: str) -> str:
        """The name of a zone in the time zone database."""
        value = self.text(name, default)
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            sentence = f"{name} must be the name of a time zone, such as Europe/Zurich, not {value!r}."
            raise ImproperlyConfigured(sentence) from None

    @reads_variable
    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default)
        for choice in choices:
            if value.lower() == choice.lower():
                return choice
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")

    @reads_variable
    def networks(self, name: str) -> list[Network]:
        try:
            return [ip_network(word) for word in self.words(name)]
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must list addresses or networks: {error}.") from None

    @reads_variable
    def hosts(self, name: str, default: str, *, debug: bool) -> list[str]:
        """Host names. Production refuses `*`: anybody could choose the Host header."""
        hosts = self.words(name, default)
        if "*" in hosts and not debug:
            raise ImproperlyConfigured(f"{name} must name hosts when DEBUG is false: '*' lets anybody choose one.")
        return [host if host == "*" else self._host(name, host) for host in hosts]

    def _host(self, name: str, host: str) -> str:
        """A host as Django compares it; a leading dot includes its subdomains."""
        bare = host.removeprefix(".")
        try:
            return host[: len(host) - len(bare)] + normalize_host(bare)
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} must list names such as lab.example.org, without https:// and a port; not {host!r}."
            ) from None

    @reads_variable
    def origins(self, name: str) -> list[str]:
        return [self._origin(name, origin) for origin in self.words(name)]

    @reads_variable
    def origin(self, name: str, default: str) -> str:
        return self._origin(name, self.text(name, default))

    def _origin(self, name: str, value: str) -> str:
        try:
            return normalize_origin(value)
        except ValueError as error:
            given = "" if "@" in value else f", not {value!r}"  # before an @ there may be a password
            raise ImproperlyConfigured(
                f"{name} needs an address such as https://lab.example.org{given}: {error}."
            ) from None

    @reads_variable
    def secret(self, name: str, *, debug: bool) -> str:
        """A signing key. Production refuses a missing, short or documented one; development gets a random one."""
        value = self.text(name)
        if debug:
            return value or get_random_secret_key()
        if not value:
            raise ImproperlyConfigured(
                f"{name} is required when DEBUG is false. Make one with: "
                'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
        _refuse_weak(name, value)
        return value

    @reads_variable
    def old_secrets(self, name: str, *, debug: bool) -> list[str]:
        """Replaced signing keys that still verify what they signed, by the same rules."""
        values = self.words(name)
        for value in values if not debug else ():
            _refuse_weak(name, value)
        return values

    @reads_variable
    def signing_key(self, name: str, *, debug: bool) -> bytes | None:
        """An Ed25519 private key in base64, here or in the file of `name`_FILE; None in development without one."""
        value = self._text_or_file(name)
        if not value:
            if debug:
                return None
            raise ImproperlyConfigured(
                f"{name} is required when DEBUG is false: it signs the audit log. "
                "Make one with: openssl rand -base64 32"
            )
        try:
            return parse_seed(value)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} {error}") from None

    @reads_variable
    def token_key(self, name: str) -> bytes | None:
        """An Ed25519 private key as base64 or PEM, here or in a file; None without one."""
        value = self._text_or_file(name)
        try:
            return parse_private_key(value) if value else None
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} {error}") from None

    @reads_variable
    def public_keys(self, name: str) -> list[bytes]:
        """Ed25519 public keys. What isn't one may be a private key: it is not repeated."""
        try:
            return [parse_public_key(word) for word in self.words(name)]
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} {error}.") from None

    @reads_variable
    def log_keys(self, name: str) -> list[VerifierKey]:
        """Public keys of an audit log, comma-separated, each as name+id+base64."""
        try:
            return [VerifierKey.parse(word) for word in self.words(name)]
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} must list public keys as manage.py audit_keys prints them, separated by commas."
            ) from None

    def _text_or_file(self, name: str) -> str:
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name)
        try:
            return Path(path).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            raise ImproperlyConfigured(f"{name}_FILE names a file that can't be read as text: {path}.") from None

    @reads_variable
    def database(self, name: str, default: str, base: Path) -> dict[str, Any]:
        """Django's database settings from a URL, none from ""; a relative SQLite path is relative to `base`."""
        url = self.text(name, default)
        if not url:
            return {}
        if _scheme(url) not in {"sqlite", "postgresql", "postgres"}:
            # The value may hold a password: it is not repeated.
            raise ImproperlyConfigured(f"{name} must start with sqlite:/// or postgresql://.")
        try:
            settings = dict(environ.Env.db_url_config(url))
        except (ValueError, environ.ImproperlyConfigured):
            raise ImproperlyConfigured(f"{name} is not a database URL.") from None
        if settings["ENGINE"] == "django.db.backends.sqlite3" and settings["NAME"] != ":memory:":
            settings["NAME"] = str(base / settings["NAME"])
        return settings

    @reads_variable
    def redis(self, name: str) -> str:
        url = self.text(name)
        if url and _scheme(url) not in {"redis", "rediss"}:
            raise ImproperlyConfigured(f"{name} must start with redis:// or rediss://.")
        if "," in url.partition("?")[0].rpartition("@")[2]:
            raise ImproperlyConfigured(f"{name} must name one server: several (Sentinel, Cluster) are not supported.")
        return url

    @reads_variable
    def collector(self, name: str) -> str:
        """The base URL of a program that collects what we send, or "", without user and password."""
        url = self.text(name)
        try:
            parts = urlsplit(url)
            is_fine = not url or (
                parts.scheme in {"http", "https"}
                and bool(parts.hostname)
                and parts.port != 0
                and not {"@", "?", "#", " "} & set(url)
                and url.isascii()
                and url.isprintable()
            )
        except ValueError:
            is_fine = False
        if not is_fine:
            raise ImproperlyConfigured(f"{name} must be an address such as http://collector:4318, without a name.")
        return url

    @reads_variable
    def webhook(self, name: str) -> str:
        """A URL to post to, or "": https, or http on this machine, without user and password."""
        url = self.text(name)
        try:
            parts = urlsplit(url)
            is_fine = not url or (
                bool(parts.hostname)
                and parts.port != 0
                and "@" not in parts.netloc
                and url.isascii()
                and url.isprintable()
                and " " not in url
                and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS))
            )
        except ValueError:
            is_fine = False
        if not is_fine:
            # The value may hold a token: it is not repeated.
            raise ImproperlyConfigured(f"{name} must be an https:// address, or http:// on 127.0.0.1, without a name.")
        return url

    @reads_variable
    def addresses(self, name: str) -> list[str]:
        return [self._address(address, f"{name} must list e-mail addresses") for address in self.words(name)]

    @reads_variable
    def address(self, name: str) -> str:
        address = self.text(name)
        return address and self._address(address, f"{name} must be an e-mail address")

    def _address(self, address: str, rule: str) -> str:
        try:
            validate_email(address)
        except ValidationError:
            raise ImproperlyConfigured(f"{rule}, not {address!r}.") from None
        return address

    @reads_variable
    def email(self, name: str, default: str) -> dict[str, Any]:
        try:
            return dict(environ.Env.email_url_config(self.text(name, default)))
        except Exception:  # noqa: BLE001 (django-environ raises what it meets; the value may hold a password)
            raise ImproperlyConfigured(
                f"{name} must be an e-mail URL such as smtp+tls://name:password@host:587 or consolemail://."
            ) from None


def _scheme(url: str) -> str:
    # `urlsplit` would raise for a bracket in a password.
    return url.partition("://")[0].lower()


def _refuse_weak(name: str, value: str) -> None:
    if len(value.encode()) < MIN_SECRET_BYTES:
        raise ImproperlyConfigured(f"{name} must be at least {MIN_SECRET_BYTES} bytes long.")
    if any(mark in value.lower() for mark in EXAMPLE_WORDS):
        raise ImproperlyConfigured(f"{name} is an example value from a documentation. Make your own.")
