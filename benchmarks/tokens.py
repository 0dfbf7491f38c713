"""What Simple JWT adds to a token's cost, beside plain PyJWT in one run: `python -m benchmarks.tokens`.

Both sides mint and verify tokens with the same claims and keys, in rounds whose order alternates; each ratio compares
a round with itself. `read` is how calls come in: a process remembers what a genuine token said.
"""

import argparse
import gc
import os
import secrets
import time
from statistics import quantiles
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER = "https://auth.lab.example"
SEED = b"\x07" * 31 + b"\x01"
REQUIRED = ["user_id", "iat", "exp", "jti", "sid", "type"]
ROLES = ["Laboratory Technician", "Viewer"]


def main():
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=41)
    arguments.add_argument("--calls", type=int, default=300, help="calls in a round of one side")
    options = arguments.parse_args()
    start_django()
    print(f"{'task':36} {'PyJWT':>10} {'Simple JWT':>11}   ratio (half of the rounds between)")
    for seed in (None, SEED):
        for label, plain, ours in tasks(seed):
            compare(label, plain, ours, options)


def start_django():
    """Settings without a database: a token says all that is needed here."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="reprotech.settings",
        DATABASE_URL="sqlite:///:memory:",
        REDIS_URL="",
        DEBUG="true",
        SECRET_KEY=secrets.token_urlsafe(48),
        JWT_SECRET_KEY=secrets.token_urlsafe(48),
        PUBLIC_URL=ISSUER,
        JWT_PUBLIC_KEYS="",
        JWT_SIGNING_KEY="",
        JWT_SIGNING_KEY_FILE="",
    )
    import django

    django.setup()


def tasks(seed):
    """The two sides of each task: with the key pair of this seed, or with the secret."""
    from django.conf import settings

    from accounts.models import Session, User
    from accounts.sessions import tokens
    from accounts.sessions.jwt_signing import LEEWAY_SECONDS

    settings.JWT_SIGNING_KEY = seed
    session = Session(pk=uuid4(), user=User(pk=7, username="technician"))
    if seed is None:
        name, signing, verifying, named, expected = "HS256", settings.JWT_SECRET_KEY, settings.JWT_SECRET_KEY, {}, {}
    else:
        name, signing = "EdDSA", Ed25519PrivateKey.from_private_bytes(seed)
        verifying, named = signing.public_key(), {"iss": ISSUER, "aud": ISSUER, "sub": "7"}
        expected = {"audience": ISSUER, "issuer": ISSUER}

    def plain_mint():
        now = int(time.time())
        claims = {**named, "type": "access", "user_id": 7, "sid": str(session.pk), "jti": uuid4().hex, "iat": now}
        claims |= {"exp": now + 3600, "username": "technician", "roles": ROLES}
        return jwt.encode(claims, signing, algorithm=name, headers={"kid": "0123456789abcdef"})

    def mint():
        return str(tokens.AccessToken.for_session(session, username="technician", roles=ROLES))

    token = mint()

    def plain_verify():
        return jwt.decode(
            token, verifying, algorithms=[name], leeway=LEEWAY_SECONDS, options={"require": REQUIRED}, **expected
        )

    def verify():
        return tokens.AccessToken(token).claims

    def read():
        return tokens.verify(token, tokens.AccessToken)

    yield f"{name}: mint an access token", plain_mint, mint
    yield f"{name}: verify an access token", plain_verify, verify
    yield f"{name}: read it again, remembered", plain_verify, read


def compare(label, plain, ours, options):
    """Time both and print what a call of each takes."""
    rounds = []
    for number in range(options.rounds):
        order = (plain, ours) if number % 2 else (ours, plain)
        took = {side: seconds_of(side, options.calls) for side in order}
        rounds.append((took[plain], took[ours], took[ours] / took[plain]))
    (_, plain_time, _), (_, our_time, _), (low, middle, high) = (
        quantiles(column, n=4) for column in zip(*rounds, strict=True)
    )
    figures = f"{plain_time * 1e6:7.1f} µs {our_time * 1e6:8.1f} µs"
    print(f"{label:36} {figures}   {middle:.3f} ({low:.3f} to {high:.3f})")


def seconds_of(task, calls):
    """What one call takes."""
    task()
    gc.disable()
    begin = time.perf_counter()
    for _ in range(calls):
        task()
    took = (time.perf_counter() - begin) / calls
    gc.enable()
    return took


if __name__ == "__main__":
    main()
