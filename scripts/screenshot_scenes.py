"""The scenes of the screenshots: a page's path, and actions before the screenshot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Not the documented password, of which a bar on every page would warn.
ADMINISTRATOR = ("admin", "Steady-Micropipette-4")
#: Created by `screenshot_lab`.
VIEWER = ("greta.viewer", "Correct-Horse-7")
WRONG_FILE = b"Login;E-mail;Given name;Surname;Role\r\n" + b"".join(
    b"new.%d;new.%d@lab.example;New;Comer;%s\r\n" % (n, n, b"Viewer" if n % 4 else b"Lab Technician") for n in range(40)
)
WRONG_FILE += b"ab;nowhere;New;Comer;Viewer\r\nnew.1;x@lab.example;M\xc3\x83\xc2\xbcller;#NAME?;Viewer\r\n"
PERSONNEL_FILE = (
    b"Personnel no.;Last name;First name;E-mail;Department;Start date;Role\r\n"
    b"1017;Byron;Ada;ada.byron@lab.example;Chemistry;01.09.2026;Researcher\r\n"
)
GOOD_FILE = b"username,email,first_name,last_name,roles\n" + b"".join(
    b"newcomer%d,newcomer%d@lab.example,New,Comer,Researcher;Viewer\n" % (n, n) for n in range(14)
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture. {user}, {role}, {event} and the like in the path are filled in."""

    path: str
    act: Callable[[Any], None] | None = None
    #: Who is signed in, if anybody.
    who: tuple[str, str] | None = ADMINISTRATOR
    status: int = 200
    is_narrow_alone: bool = False
    #: A dialog or a drawer covers the window, not the whole page.
    is_window: bool = False


def opened(name: str) -> Callable[[Any], None]:
    """Open the row's or the page's menu, and what it names."""

    def act(page: Any) -> None:
        menu = page.locator("main details.menu:has(a)").first
        menu.locator("summary").click()
        menu.get_by_role("link").first.wait_for()
        if name:
            menu.get_by_role("link", name=name, exact=True).click()
            page.locator("dialog[open]").wait_for()

    return act


def refused(name: str) -> Callable[[Any], None]:
    """Open a dialog, and answer it so that it is refused."""

    def act(page: Any) -> None:
        opened(name)(page)
        page.locator("dialog").get_by_label("Set a password now").check()
        page.locator("dialog").get_by_label("New password").fill("short")
        page.locator("dialog button[type=submit]").click()
        page.locator("dialog .error").first.wait_for()

    return act


def followed(name: str) -> Callable[[Any], None]:
    """Open the dialog of a link on the page."""

    def act(page: Any) -> None:
        page.get_by_role("link", name=name).click()
        page.locator("dialog[open]").wait_for()

    return act


def submitted(button: str, /, **typed: str) -> Callable[[Any], None]:
    """Send the page's form with these fields."""

    def act(page: Any) -> None:
        for field, text in typed.items():
            page.locator(f"main [name={field}]").fill(text)
        with page.expect_navigation():
            page.get_by_role("button", name=button).click()

    return act


def uploaded(content: bytes) -> Callable[[Any], None]:

    def act(page: Any) -> None:
        page.locator("[name=file]").set_input_files({"name": "people.csv", "mimeType": "text/csv", "buffer": content})
        page.get_by_role("button", name="Validate file").click()
        page.locator("#import table").wait_for()

    return act


def select_page(page: Any) -> None:
    """Tick all of the page."""
    page.locator("[data-selects]").check()
    page.get_by_text(" selected").first.wait_for()


def review(page: Any) -> None:
    """All who match, about to be given a role."""
    select_page(page)
    page.locator("[name=matching]").check()
    page.get_by_role("button", name="Assign role").click()
    page.locator("dialog[open]").wait_for()


def open_drawer(page: Any) -> None:
    page.locator(".drawer-button").click()
    page.get_by_role("button", name="Close the menu").wait_for()


def open_account_menu(page: Any) -> None:
    """The menu in the corner."""
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Sign out").wait_for()


def revoke_key(page: Any) -> None:
    """About to take the newest key back."""
    page.locator("#keys").get_by_role("link", name="Revoke").first.click()
    page.locator("dialog[open]").wait_for()


def type_password(page: Any) -> None:
    """A new one, and how strong it is."""
    page.locator("[name=new_password]").fill("Winter2025!")
    page.get_by_role("meter").wait_for()


def search(text: str) -> Callable[[Any], None]:
    """Ask the palette."""

    def act(page: Any) -> None:
        page.keyboard.press("Control+k")
        page.get_by_role("combobox").fill(text)
        page.get_by_role("option").nth(1).wait_for()

    return act


def show_failure(page: Any) -> None:
    """The page of a failed request, which no URL answers with."""
    from django.template.loader import render_to_string

    context = {
        "scheme": "auto",
        "status": 500,
        "title": "Something went wrong",
        "advice": "The request failed and nothing was changed. The people who run this server can find it in the log.",
        "path": "/users",
        "request_id": "5f0c2f7be0b64a1f9b3b0c7f6c1d2e3a",
    }
    page.set_content(render_to_string("error_static.html", context), wait_until="load")


SCENES = {
    "login": Scene("/login", who=None),
    "login-refused": Scene("/login", submitted("Sign in", username="nobody"), who=None),
    "forgot-password": Scene("/forgot-password", who=None),
    "forgot-password-sent": Scene("/forgot-password/sent", who=None),
    "link-spent": Scene("/set-password", who=None),
    "failure": Scene("/login", show_failure, who=None),
    "dashboard": Scene("/"),
    "dashboard-year": Scene("/?days=365"),
    "account-menu": Scene("/", open_account_menu, is_window=True),
    "drawer": Scene("/users", open_drawer, is_narrow_alone=True, is_window=True),
    "users": Scene("/users"),
    "users-menu": Scene("/users", opened(""), is_window=True),
    "users-selected": Scene("/users", select_page, is_window=True),
    "users-review": Scene("/users?role=researcher&status=active&per_page=10", review, is_window=True),
    "users-none-found": Scene("/users?search=nobody-of-this-name"),
    "users-one-found": Scene("/users?search=greta.viewer"),
    "users-long": Scene("/users?search=longest"),
    "users-wrong-filter": Scene("/users?status=asleep", status=422),
    "user-new": Scene("/users/new"),
    "user-new-refused": Scene("/users/new", submitted("Create user", username="ab", email="nowhere")),
    "user": Scene("/users/{user}"),
    "user-long": Scene("/users/{long_user}"),
    "user-edit": Scene("/users/{user}/edit"),
    "user-delete": Scene("/users/{user}/delete"),
    "user-lock-dialog": Scene("/users?search=van+der", opened("Lock"), is_window=True),
    "user-reset-dialog": Scene("/users/{user}", refused("Reset password"), is_window=True),
    "users-import": Scene("/users/import"),
    "users-import-wrong": Scene("/users/import", uploaded(WRONG_FILE)),
    "users-import-columns": Scene("/users/import", uploaded(PERSONNEL_FILE)),
    "users-import-checked": Scene("/users/import", uploaded(GOOD_FILE)),
    "roles": Scene("/roles"),
    "role-new": Scene("/roles/new"),
    "role-new-refused": Scene("/roles/new", submitted("Create role", name="")),
    "role": Scene("/roles/{role}"),
    "role-edit": Scene("/roles/{role}/edit"),
    "role-long": Scene("/roles/{long_role}"),
    "role-delete-dialog": Scene("/roles/{role}", followed("Delete"), is_window=True),
    "permissions": Scene("/permissions"),
    "permission": Scene("/permissions/sample_read"),
    "audit": Scene("/audit"),
    "audit-none-found": Scene("/audit?user=nobody-of-this-name"),
    "audit-wrong-filter": Scene("/audit?ip_address=lab-3&from=yesterday", status=422),
    "audit-event": Scene("/audit/{event}"),
    "key-new": Scene("/profile/keys/new"),
    "key-new-refused": Scene("/profile/keys/new", submitted("Create key", name="", addresses="lab.example")),
    "key-made": Scene(
        "/profile/keys/new", submitted("Create key", name="Balance 3, room 12", addresses="192.0.2.0/24")
    ),
    "key-revoke-dialog": Scene("/profile", revoke_key, is_window=True),
    "profile": Scene("/profile"),
    "password": Scene("/password"),
    "password-typed": Scene("/password", type_password),
    "email": Scene("/profile/email"),
    "logout": Scene("/logout"),
    "not-found": Scene("/nothing-here", status=404),
    "denied": Scene("/users", who=VIEWER, status=403),
    "dashboard-viewer": Scene("/", who=VIEWER),
    "profile-viewer": Scene("/profile", who=VIEWER),
    "admin": Scene("/admin/"),
    "admin-users": Scene("/admin/accounts/user/"),
    "api-docs": Scene("/api/docs"),
}

#: The pictures of README.md and docs/, by the name of their file in docs/images, with their colour scheme.
DOCUMENT_PICTURES = {
    "dashboard-light.png": ("light", Scene("/")),
    "audit-dark.png": ("dark", Scene("/audit?last=30d")),
    "users-light.png": ("light", Scene("/users?per_page=10")),
    "person-light.png": ("light", Scene("/users/{colleague}")),
    "permissions-dark.png": (
        "dark",
        Scene("/permissions?role=manager&role=researcher&role=lab_technician&role=viewer&differences=true"),
    ),
    "settings-light.png": ("light", Scene("/settings")),
    "palette-dark.png": ("dark", Scene("/", search("nov"))),
}
