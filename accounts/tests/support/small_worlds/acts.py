"""Whatever changes rights, credentials or states, with each account and role as its object."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from accounts.access_periods import services as period_services
from accounts.api_keys import services as key_services
from accounts.exclusions import exception_services
from accounts.exclusions import services as exclusion_services
from accounts.models import ExclusionException, Role, User
from accounts.notifications.links import invitation_tokens, reset_tokens
from accounts.passwords import services as password_services
from accounts.roles import services as role_services
from accounts.tests.support.small_worlds.states import (
    CHANGED,
    FURTHER,
    LAB,
    LATER,
    SOON,
    Account,
    Names,
    State,
    fields_of,
    role_named,
)
from accounts.users import bulk
from accounts.users import services as user_services
from accounts.users.csv.import_users import ImportRow, import_users
from accounts.users.invitations import services as invitation_services
from reprotech.testing.cast import PASSWORD

OTHER_PASSWORD, CHOSEN_PASSWORD = "Other-Horse-8", "Third-Horse-9"


@dataclass(frozen=True)
class Act:
    """What a person may try, and which account or permissions they control if it was done."""

    name: str
    run: Callable[[User], object]
    #: The account that it is about; "" for all of them, None for none.
    about: str | None
    controls: str = ""
    makes_key_of: frozenset[str] = frozenset()

    def circumstances(self, state: State, actor: str) -> object:
        """What its outcome depends on: the rest of the world makes no difference to it."""
        names = state.accounts if self.about == "" else [name for name in (actor, self.about) if name]
        last_resorts = sum(one.is_last_resort for one in state.accounts.values())
        known = frozenset((name, state.accounts[name].local, name in state.controlled) for name in names)
        return self.name, actor, known, state.roles, last_resorts, state.exclusions, state.exceptions

    def after(self, before: State) -> State:
        controlled = before.controlled | ({self.controls} if self.controls else set())
        return State.read(controlled, before.by_keys | self.makes_key_of)


def acts(state: State, initial: State, more: Names) -> Iterator[Act]:
    seen = set()
    for name, account in sorted(state.accounts.items()):
        # Of people who began alike and are alike one stands for all.
        if (same := (*state.role_of(name, initial), account.local)) in seen:
            continue
        seen.add(same)
        yield from _on_roles_of(name, account)
        if "periods" in more:
            yield from _on_periods_of(name, account)
        if name != "actor":
            yield from _on_state_of(name, account)
            yield from _on_credentials_of(name, account)
        if "exclusions" in more and not account.is_service:
            yield from _on_exceptions_of(name, state)
    if "new" not in state.accounts:
        yield from _creations()
    yield from _on_roles(state)
    for pk, *_ in state.exclusions:
        yield from _on_exclusion(pk)


def _on_roles_of(name: str, account: Account) -> Iterator[Act]:
    roles = ("desk", "lab", "extra") if name in {"guest", "robot", "new"} else ("desk", "lab", "extra", "super_admin")
    for role in roles:
        change = {"revoked": role} if role in account.roles else {"assigned": role}
        yield Act(f"{change} {name}", lambda a, c=change: bulk.change_role(actor=a, user_id=account.pk, **c), name)


def _on_periods_of(name: str, account: Account) -> Iterator[Act]:
    target = {"user_id": account.pk}
    for until in (SOON, LATER):
        new = {"role": "lab", "ends_at": until}
        yield Act(
            f"lab until {until} {name}", lambda a, n=new: period_services.grant_role(actor=a, **target, **n), name
        )
    later = {"role": "lab", "starts_at": SOON}
    yield Act(f"lab later {name}", lambda a: period_services.grant_role(actor=a, **target, **later), name)
    for until in (None, LATER):
        yield Act(f"extend lab until {until} {name}", lambda a, u=until: _extend(a, account.pk, u), name)
        yield Act(
            f"account until {until} {name}",
            lambda a, u=until: user_services.update_user(actor=a, **target, ends_at=u),
            name,
        )
    yield Act(f"take lab and undo {name}", lambda a: _take_and_undo(a, account.pk), name)


def _extend(actor: User, user_id: int, until: object) -> None:
    for grant in User.objects.get(pk=user_id).role_grants.filter(role__slug="lab"):
        period_services.change_grant(actor=actor, user_id=user_id, grant_id=grant.pk, ends_at=until)


def _take_and_undo(actor: User, user_id: int) -> None:
    changed = bulk.remove_role(actor=actor, user_ids=[user_id], role="lab").changed
    bulk.assign_role(actor=actor, user_ids=changed, role="lab")


def _on_state_of(name: str, account: Account) -> Iterator[Act]:
    is_locked, is_active, *_ = account.state
    lock = user_services.unlock_user if is_locked else user_services.lock_user
    yield Act(f"{lock.__name__} {name}", lambda a: lock(actor=a, user_id=account.pk), name)
    yield Act(
        f"{'de' if is_active else ''}activate {name}",
        lambda a: user_services.update_user(actor=a, user_id=account.pk, is_active=not is_active),
        name,
    )
    yield Act(f"delete {name}", lambda a: user_services.delete_user(actor=a, user_id=account.pk), name)


def _on_credentials_of(name: str, account: Account) -> Iterator[Act]:
    target = {"user_id": account.pk}
    email = f"{CHANGED}{name}@lab.example"
    yield Act(f"readdress {name}", lambda a: user_services.update_user(actor=a, **target, email=email), name)
    if account.is_service:
        scopes = account.permissions
        key = {"name": "key", "scopes": scopes, "is_authenticated": True}
        yield Act(
            f"key of {name}", lambda a: key_services.create_key(actor=a, **target, **key), name, makes_key_of=scopes
        )
        return
    yield Act(
        f"password of {name}",
        lambda a: password_services.reset_password(actor=a, **target, password=OTHER_PASSWORD),
        name,
        controls=name,
    )
    if account.is_readdressed:
        # It goes to a mailbox that the actor chose.
        yield Act(f"mailed link of {name}", lambda a: _use_mailed_link(a, account), name, controls=name)
    link = invitation_services.make_invitation_link
    if account.has_password:
        return
    yield Act(f"link of {name}", lambda a: link(actor=a, **target), name, controls=name)
    yield Act(f"withdraw {name}", lambda a: invitation_services.withdraw_invitation(actor=a, **target), name)


def _use_mailed_link(actor: User, account: Account) -> None:
    if account.has_password:
        password_services.send_password_reset(actor=actor, user_id=account.pk)
    else:
        invitation_services.resend_invitation(actor=actor, user_id=account.pk)
    tokens = reset_tokens if account.has_password else invitation_tokens
    token = tokens.make_token(User.objects.get(pk=account.pk))
    password_services.set_password_by_link(user_id=account.pk, link_token=token, new_password=CHOSEN_PASSWORD)


def _creations() -> Iterator[Act]:
    for roles in ((), ("lab",), ("desk",), ("extra",)):
        new = {**fields_of("new"), "roles": roles}
        yield Act(f"invite {roles}", lambda a, n=new: user_services.create_user(actor=a, **n), None)
        known = {**new, "password": PASSWORD}
        yield Act(f"create {roles}", lambda a, n=known: user_services.create_user(actor=a, **n), None, controls="new")
    robot = {**fields_of("new"), "roles": ("lab",), "is_service": True}
    yield Act("create a robot", lambda a: user_services.create_user(actor=a, **robot), None)
    row = ImportRow(2, {**fields_of("new"), "first_name": "", "last_name": ""}, ("lab",), PASSWORD)
    yield Act("import", lambda a: import_users(actor=a, rows=[row]), None, controls="new")


def _on_roles(state: State) -> Iterator[Act]:
    names = {*Role.objects.exclude(slug="super_admin").values_list("slug", flat=True)}
    held: dict[str, set[str]] = {name: {right for role, right in state.roles if role == name} for name in names}
    changes = [(name, {"permissions": {*(held[name] - names), LAB, FURTHER}}) for name in sorted(names)]
    changes += [("desk", {"may_grant": ["extra"]}), ("extra", {"may_grant": ["lab"]}), ("desk", {"may_grant": []})]
    for name, change in changes:
        if name in names:
            yield Act(
                f"{name} {[(field, sorted(new)) for field, new in change.items()]}",
                lambda a, n=name, c=change: _update_role(a, n, c),
                "",
            )
    if "mine" not in names:
        for change in ({"permissions": [LAB]}, {"may_grant": ["lab"]}):
            yield Act(
                f"new role {change}", lambda a, c=change: role_services.create_role(actor=a, name="mine", **c), None
            )
    for name, other in (("lab", "extra"), ("extra", "lab"), ("extra", "desk"), ("extra", "super_admin")):
        if name in names:
            yield Act(f"{name} becomes {other}", lambda a, n=name, o=other: _delete_role(a, n, o), "")


def _update_role(actor: User, name: str, change: dict[str, object]) -> None:
    role_services.update_role(actor=actor, role_id=role_named(name).pk, **change)


def _delete_role(actor: User, name: str, other: str) -> None:
    role_services.delete_role(actor=actor, role_id=role_named(name).pk, reassign_to=other)


def _on_exclusion(pk: int) -> Iterator[Act]:
    target = {"exclusion_id": pk}
    yield Act("delete exclusion", lambda a: exclusion_services.delete_exclusion(actor=a, **target), None)
    for change in ({"mode": "warn"}, {"set_a": ["report_read"]}, {"set_b": ["report_read"]}):
        yield Act(
            f"exclusion {change}", lambda a, c=change: exclusion_services.update_exclusion(actor=a, **target, **c), None
        )


def _on_exceptions_of(name: str, state: State) -> Iterator[Act]:
    for pk, *_ in state.exclusions:
        new = {"exclusion_id": pk, "user": name, "reason": "Illness.", "ends_at": SOON}
        yield Act(f"ask for {name}", lambda a, n=new: exception_services.ask_for_exception(actor=a, **n), name)
    if (name, False) in state.exceptions:
        yield Act(f"approve {name}", lambda a: _approve(a, state.accounts[name].pk), "")


def _approve(actor: User, user_id: int) -> None:
    for one in ExclusionException.objects.filter(user=user_id):
        exception_services.approve_exception(actor=actor, exclusion_id=one.exclusion_id, exception_id=one.pk)
