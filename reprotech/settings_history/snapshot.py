"""What a server runs with: settings without secrets, keyed codes of the secrets, version and packages."""

import hashlib
import hmac
import json
import platform
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import distributions
from typing import Any, Self

from django.conf import settings

from audit.services import is_secret_name
from reprotech import __version__
from reprotech.conf.env import Environment
from reprotech.conf.reference import HIDDEN, SECRET_KINDS, URL_KINDS, is_secret, parse_address, raw_value

#: Variables that name a server, so that each may have its own, and the one that stands here as `build`.
OWN_VARIABLES = {"INSTANCE", "BUILD_ID"}
#: Kinds whose values are never stored as they are: besides secrets, keys (a private one may have been pasted among
#: public ones) and addresses of people, since nothing can be taken out of the log again.
CONCEALED_KINDS = SECRET_KINDS | {"public_keys", "log_keys", "address", "addresses"}
CONCEALED_NAMES = {"BACKUP_RECIPIENTS"}
LIST_KINDS = {"words", "networks", "hosts", "origins"}
SALT = b"reprotech.settings_history."


@dataclass(frozen=True, slots=True)
class CodeKey:
    """The key of the codes, made from SECRET_KEY: who has the database alone can't guess a secret by its code."""

    secret: str

    @property
    def name(self) -> str:
        """Tells keys apart and says nothing about them."""
        return self.code("name", "")[:16]

    def code(self, purpose: str, value: str) -> str:
        key = hashlib.sha256(SALT + purpose.encode() + b":" + self.secret.encode()).digest()
        return hmac.new(key, value.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def code_keys() -> list[CodeKey]:
    """The present key, then replaced ones; none where each start makes another SECRET_KEY, as in development."""
    if settings.ENV.source("SECRET_KEY") == "default":
        return []
    return [CodeKey(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


@dataclass(frozen=True)
class Snapshot:
    #: By variable: what may be shown; of a secret only whether it is set.
    values: dict[str, Any]
    chosen: set[str]
    packages: dict[str, str]
    #: By variable: what is concealed, in memory alone.
    concealed: dict[str, str] = field(repr=False)

    @classmethod
    def take(cls) -> Self:
        env = settings.ENV
        names = sorted(env.kinds.keys() - OWN_VARIABLES)
        product = {"version": __version__, "build": settings.BUILD_ID, "python": platform.python_version()}
        return cls(
            values=product | {name: _readable(env, name) for name in names},
            chosen={*product, *(name for name in names if env.source(name) != "default")},
            packages=_packages(),
            concealed={name: _whole(env, name) for name in names if _is_concealed(env, name) and _whole(env, name)},
        )

    def codes(self, key: CodeKey | None) -> dict[str, str]:
        if key is None:
            return {}
        # SECRET_KEY itself is distinguished by the name of the key.
        return {name: key.code(name, value) for name, value in self.concealed.items() if name != "SECRET_KEY"}

    @cached_property
    def fingerprint(self) -> str:
        """Of what may be shown alone: nothing secret goes into it, so servers can be compared by it in public."""
        text = json.dumps([self.values, self.packages], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _readable(env: Environment, name: str) -> Any:
    kind, value = env.kinds[name], raw_value(env, name)
    if _is_hidden(env, name):
        return "set" if _whole(env, name) else None
    if not value:
        return None
    if kind in URL_KINDS:
        return _place(value)
    if kind == "number":
        return int(value)
    if kind == "flag":
        return value.lower() in {"true", "1", "yes", "on"}
    return ", ".join(word.strip() for word in value.split(",") if word.strip()) if kind in LIST_KINDS else value


def _place(url: str) -> str:
    """What a URL leads to, without user, password and query."""
    address = parse_address(url)
    if address is None:  # it has no host, or its password can't be distinguished from it
        return f"{url.partition('://')[0]}://{HIDDEN if url.partition('://')[2] else ''}"
    path = f"/{address.path}" if address.path else ""
    return f"{address.scheme}://{address.host}{path}"


def _is_concealed(env: Environment, name: str) -> bool:
    """Whether it has more than what may be shown."""
    return _is_hidden(env, name) or env.kinds[name] in URL_KINDS


def _is_hidden(env: Environment, name: str) -> bool:
    """Whether nothing of it may be shown, also where the log would refuse a text under such a name."""
    kind = env.kinds[name]
    return (
        is_secret(env, name)
        or kind in CONCEALED_KINDS
        or name in CONCEALED_NAMES
        or (is_secret_name(name) and kind not in {"number", "flag"})
    )


def _whole(env: Environment, name: str) -> str:
    """The value with its secrets, also where a file holds it."""
    key = getattr(settings, name, None) if env.kinds[name] in {"signing_key", "token_key"} else None
    return key.hex() if isinstance(key, bytes) else raw_value(env, name)


# Reading their files takes 0.1 s, and those of a process stay as they are.
@cache
def _packages() -> dict[str, str]:
    found = {package.name: package.version for package in distributions() if package.name}
    return {name: found[name] for name in sorted(found, key=str.lower)}
