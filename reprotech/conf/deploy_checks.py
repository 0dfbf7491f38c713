"""Unsafe settings that are allowed, for `manage.py check --deploy` and `manage.py check_config`."""

import os
import stat
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning

from accounts.core.default_admin_address import DEFAULT_ADMIN_EMAIL
from audit.sealing.database_role import excessive_rights
from reprotech.checks import CONSOLE_BACKEND, SMTP_BACKEND
from reprotech.conf.env import LOOPBACK_HOSTS
from reprotech.conf.web_addresses import normalize_host
from reprotech.core.status import connect_without_pool

#: A variable and its warning.
Risk = tuple[str, str]
#: Larger networks hold more than proxies: other machines could forge addresses too.
MIN_PREFIX_LENGTH = {4: 24, 6: 64}
ENCRYPTED_SSLMODES = {"require", "verify-ca", "verify-full"}


@register(Tags.security, deploy=True)
def unsafe_settings(**_: object) -> list[CheckMessage]:
    """With DEBUG only that, and readable secrets, deserve a warning."""
    parts = [_debug] if settings.DEBUG else [_transport, _database, _redis, _sign_in, _mail, _audit, _backup]
    risks = [risk for part in [_readable_secrets, *parts] for risk in part()]
    return [CheckWarning(sentence, obj=name, id="reprotech.W003") for name, sentence in risks]


def _debug() -> Iterator[Risk]:
    yield "DEBUG", "Failures show code and settings to anyone who causes them, and keys need not be safe."


def _backup() -> Iterator[Risk]:
    if not settings.BACKUP_RECIPIENTS:
        yield "BACKUP_RECIPIENTS", "No backup can be made. `scripts/backup --new-key FILE` makes the key that it takes."


def _readable_secrets() -> Iterator[Risk]:
    files: dict[str, Path | str] = {
        "SECRET_KEY": settings.ENV.env_file,
        "AUDIT_SIGNING_KEY_FILE": settings.AUDIT_SIGNING_KEY_FILE,
    }
    for name, path in files.items():
        file = Path(path or os.devnull)
        if file.is_file() and file.stat().st_mode & stat.S_IRWXO:
            yield name, f"Everybody on this machine can open {file.name}. Do: chmod 600 {file}"


def _transport() -> Iterator[Risk]:
    address = urlsplit(settings.PUBLIC_URL)
    if not settings.SSL_REQUIRED and not _is_local(address.hostname):
        yield "SSL_REQUIRED", "Passwords cross the network unencrypted, unless a proxy sees to it. Set it to true."
    if settings.SSL_REQUIRED and address.scheme != "https":
        yield "PUBLIC_URL", "Links in mails begin with http:// although SSL_REQUIRED is true."
    if settings.SSL_REQUIRED and not settings.TRUSTED_PROXIES:
        yield (
            "TRUSTED_PROXIES",
            ("No proxy is believed that a request came by https: behind one, every page redirects to itself."),
        )
    if address.hostname and not _is_served(address.hostname):
        yield "ALLOWED_HOSTS", f"Requests for {address.hostname}, the host of PUBLIC_URL, are refused."
    for network in settings.TRUSTED_PROXIES:
        if network.prefixlen < MIN_PREFIX_LENGTH[network.version]:
            yield (
                "TRUSTED_PROXIES",
                (
                    f"Every machine in {network} can pretend to have any address. Name the proxies' own addresses, or "
                    "a network that nothing else is in."
                ),
            )
    for origin in settings.CORS_ALLOWED_ORIGINS:
        if urlsplit(origin).scheme == "http" and not _is_local(urlsplit(origin).hostname):
            yield "CORS_ORIGINS", f"Anyone between a browser and {origin} can change what it sends here."


def _database() -> Iterator[Risk]:
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "reprotech.db.sqlite":
        yield "DATABASE_URL", "SQLite lets one process write at a time and keeps no log to recover a moment from."
        return
    options = database["OPTIONS"]
    is_encrypted = options.get("sslmode") in ENCRYPTED_SSLMODES
    if not is_encrypted and not all(map(_is_local, options.get("host", database["HOST"]).split(","))):
        yield "DATABASE_URL", "Nothing makes the connection encrypted. End it with ?sslmode=verify-full."
    if options["pool"]["max_size"] <= settings.THREADS:
        yield (
            "DATABASE_POOL_SIZE",
            f"{settings.THREADS} THREADS need more than that, or requests wait for each other and fail with 503.",
        )
    if sentence := _rights():
        yield "DATABASE_URL", sentence


def _rights() -> str:
    """Excessive rights of the database role; "" while the database is out of reach."""
    try:
        with connect_without_pool() as link:
            return excessive_rights(link.cursor())
    except psycopg.Error:
        return ""


def _redis() -> Iterator[Risk]:
    address = urlsplit(settings.REDIS_URL)
    if settings.REDIS_URL and not address.password and not _is_local(address.hostname):
        yield "REDIS_URL", "It names no password: anyone who reaches Redis can undo lockouts and revive sessions."
    if address.scheme == "redis" and not _is_local(address.hostname):
        yield "REDIS_URL", "The connection is not encrypted. With rediss:// it is."


def _sign_in() -> Iterator[Risk]:
    if not settings.RATE_LIMIT_ENABLED:
        yield "RATE_LIMIT_ENABLED", "Nothing limits how often passwords can be tried."
    if not settings.MFA_REQUIRED_FOR_ADMINISTRATORS:
        yield "MFA_REQUIRED_FOR_ADMINISTRATORS", "A password that was seen or guessed is enough to change everything."
    if settings.ADMIN_PASSWORD:
        yield "ADMIN_PASSWORD", "It is needed for the first start alone. Remove it."
    if settings.LOG_LEVEL == "DEBUG":
        yield "LOG_LEVEL", "With DEBUG the log contains personal data and fills the disk."


def _mail() -> Iterator[Risk]:
    if settings.ADMIN_SETS_PASSWORDS and settings.EMAIL_BACKEND == SMTP_BACKEND:
        yield (
            "ADMIN_SETS_PASSWORDS",
            "Administrators may choose, and so know, passwords of others. Mailed links do instead.",
        )
    if not settings.ADMIN_SETS_PASSWORDS and settings.EMAIL_BACKEND != SMTP_BACKEND:
        yield "ADMIN_SETS_PASSWORDS", "No mail server takes the links by which people would choose their passwords."
    if not settings.ADMIN_EMAIL:
        yield (
            "ADMIN_EMAIL",
            (
                f"The first administrator has the address {DEFAULT_ADMIN_EMAIL}, in a domain that isn't yours, and "
                "gets no mail. Set it to yours, then run manage.py init_data."
            ),
        )
    if settings.EMAIL_BACKEND == CONSOLE_BACKEND:
        yield "EMAIL_URL", "Mails are only written to the server's output, with links that let in anyone who reads it."
    elif settings.EMAIL_HOST_PASSWORD and not (
        settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or _is_local(settings.EMAIL_HOST)
    ):
        yield "EMAIL_URL", "The mail server's password crosses the network unencrypted. Use smtp+tls:// or smtp+ssl://."


def _audit() -> Iterator[Risk]:
    if not settings.AUDIT_SEAL_SECONDS:
        yield (
            "AUDIT_SEAL_SECONDS",
            "The server doesn't seal: until manage.py seal_audit runs, events can be changed unseen.",
        )
    if not settings.AUDIT_VERIFY_HOURS:
        yield "AUDIT_VERIFY_HOURS", "The server doesn't look whether the audit log is whole."
    if not (settings.AUDIT_ANCHOR_FILE or settings.AUDIT_ANCHOR_URL or settings.AUDIT_ANCHOR_EMAIL):
        yield (
            "AUDIT_ANCHOR_FILE",
            ("No checkpoint leaves this server: who has the database and the signing key can rewrite the log unseen."),
        )


def _is_local(host: str | None) -> bool:
    """Whether a host is this machine, as a socket's path and no host are."""
    if not host or host in LOOPBACK_HOSTS or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_served(host: str) -> bool:
    host = normalize_host(host)
    return any(host == name or (name.startswith(".") and host.endswith(name)) for name in settings.ALLOWED_HOSTS)
