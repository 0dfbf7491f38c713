"""What becomes of an account when a second factor comes or goes, whoever brings or takes it."""

from typing import Any

from accounts.mfa.recovery_codes import generate_codes, hash_code
from accounts.models import Passkey, RecoveryCode, TotpKey, User

#: Kinds of second factor, as people call them.
METHOD_NAMES = {"totp": "authenticator app", "passkey": "passkey"}


def update_mfa_state(user: User) -> None:
    """Bring what the account says of its factors up to date; without any, its recovery codes go too."""
    held: dict[str, Any] = {"totp": TotpKey.objects, "passkey": Passkey.objects}
    kinds = [kind for kind in User.FACTOR_KINDS if held[kind].filter(user=user).exists()]
    user.factor_kinds = " ".join(kinds)
    if kinds:
        user.factor_grace_used, user.must_add_factor = 0, False
    else:
        RecoveryCode.objects.filter(user=user).delete()
    user.save(update_fields=["factor_kinds", "factor_grace_used", "must_add_factor"])


def delete_factors(user: User) -> None:
    """Delete all factors of a user."""
    TotpKey.objects.filter(user=user).delete()
    Passkey.objects.filter(user=user).delete()
    update_mfa_state(user)


def replace_recovery_codes(user: User) -> list[str]:
    """Ten new codes in place of what there was, to be shown once: only their hashes are kept."""
    codes = generate_codes()
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, code_hash=hash_code(code)) for code in codes])
    return codes
