"""Keeps an account's state in step with its second factors."""

from accounts.mfa.recovery_codes import generate_codes, hash_code
from accounts.models import Passkey, RecoveryCode, TotpKey, User

#: Kinds of second factor, as texts for people name them.
METHOD_NAMES = {"totp": "authenticator app", "passkey": "passkey"}


def update_mfa_state(user: User) -> None:
    """Store which kinds of factor the account has; without any, its recovery codes are deleted too."""
    has_factor = {
        "totp": TotpKey.objects.filter(user=user).exists(),
        "passkey": Passkey.objects.filter(user=user).exists(),
    }
    kinds = [kind for kind in User.FACTOR_KINDS if has_factor[kind]]
    user.factor_kinds = " ".join(kinds)
    # The sign-ins that a role allows without a factor are counted from the start if the last one is removed.
    if kinds:
        user.factor_grace_used, user.must_add_factor = 0, False
    else:
        RecoveryCode.objects.filter(user=user).delete()
    user.save(update_fields=["factor_kinds", "factor_grace_used", "must_add_factor"])


def delete_factors(user: User) -> None:
    TotpKey.objects.filter(user=user).delete()
    Passkey.objects.filter(user=user).delete()
    update_mfa_state(user)


def replace_recovery_codes(user: User) -> list[str]:
    """New codes, to be shown once: only their hashes are stored."""
    codes = generate_codes()
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, code_hash=hash_code(code)) for code in codes])
    return codes
