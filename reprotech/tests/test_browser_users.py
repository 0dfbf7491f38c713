"""People's jobs with users in a real browser, with and without JavaScript."""

import re

import pytest

ADMIN = ("admin", "Admin123!")
JAVA_SCRIPT = pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])


def sign_in(page, username=ADMIN[0], password=ADMIN[1]):
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def said(page, text):
    page.locator("#toasts").get_by_text(text).wait_for()


def open_menu(page, username, action):
    page.get_by_role("row", name=re.compile(username)).locator("summary").click()
    page.get_by_role("link", name=action, exact=True).click()


def create(page, username, *roles):
    page.goto("/users/new")
    page.get_by_label("Username").fill(username)
    page.get_by_label("E-mail", exact=True).fill(f"{username}@lab.example")
    for role in roles:
        page.get_by_role("checkbox", name=re.compile(f"^{role}")).check()
    page.get_by_label("Set a password now").check()
    page.get_by_label("Password", exact=True).fill("Correct-Horse-7")
    page.get_by_role("button", name="Create user").click()


@JAVA_SCRIPT
def test_a_user_with_two_roles_is_created_found_changed_locked_and_deleted(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    page.expected_errors.append("422")
    name = f"walker-{'with' if java_script else 'without'}"
    sign_in(page)
    create(page, name, "Researcher", "Viewer")
    said(page, f"{name} is created.")
    assert page.get_by_role("row", name=re.compile("^Genomics")).get_by_text("Researcher, Viewer").is_visible()

    create(page, name, "Viewer")
    page.get_by_text("This username is taken.").wait_for()
    assert page.get_by_label("E-mail", exact=True).input_value() == f"{name}@lab.example"
    assert page.get_by_role("checkbox", name=re.compile("^Viewer")).is_checked()

    page.goto("/users")
    page.get_by_label("Search", exact=True).fill(name)
    if java_script:
        page.wait_for_url(re.compile(f"search={name}"))
    page.get_by_label("Role", exact=True).select_option("Researcher")
    if not java_script:
        page.get_by_role("button", name="Filter").click()
    page.wait_for_url(re.compile("role=researcher"))
    page.get_by_text("1 user", exact=False).first.wait_for()

    open_menu(page, name, "Edit")
    page.get_by_label("First name").fill("Ada")
    page.get_by_role("button", name="Save user").click()
    said(page, f"{name} is saved.")
    assert f"search={name}" in page.url

    open_menu(page, name, "Lock")
    page.get_by_role("heading", name="Lock Ada?").wait_for()
    page.get_by_role("button", name=f"Lock {name}").click()
    said(page, f"{name} is locked.")
    assert page.get_by_role("row", name=re.compile(name)).get_by_text("Locked").is_visible()

    open_menu(page, name, "Reset password")
    page.get_by_label("Set a password now").check()
    page.get_by_label("New password").fill("Other-Horse-8")
    page.get_by_role("button", name="Reset password").click()
    said(page, "must change it at the next sign-in")

    page.get_by_role("link", name="Ada").click()
    page.get_by_text(f"admin locked {name}").wait_for()
    page.get_by_role("main").locator("summary", has_text="More").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name=f"Delete {name}").click()
    said(page, f"{name} is deleted.")
    assert page.get_by_text(name, exact=True).count() == 0


def test_the_list_follows_what_one_types_and_the_back_button_undoes_it(page):
    sign_in(page)
    page.goto("/users?sort=username")
    page.get_by_label("Search", exact=True).press_sequentially("nobody-of-this-name")
    page.get_by_text("Nobody matches these filters.").wait_for()
    page.wait_for_url(
        re.compile(r"/users\?search=nobody-of-this-name&per_page=25&sort=username$|/users\?search=nobody")
    )
    assert "role=" not in page.url
    page.go_back()
    page.get_by_role("link", name="System Administrator").wait_for()
    assert page.get_by_label("Search", exact=True).input_value() != "nobody-of-this-name"
    page.get_by_role("link", name="E-mail").click()
    page.wait_for_url(re.compile("sort=email"))
    page.get_by_label("Rows").select_option("10")
    page.wait_for_url(re.compile("per_page=10.*sort=email|sort=email.*per_page=10"))


@JAVA_SCRIPT
def test_several_are_changed_at_once_and_refusals_are_named(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    name = f"bulky-{'with' if java_script else 'without'}"
    sign_in(page)
    create(page, name, "Viewer")
    said(page, f"{name} is created.")
    page.goto("/users?per_page=100")
    assert not page.get_by_role("button", name="Deactivate").is_visible()
    page.get_by_label(f"Select {name}").check()
    page.get_by_label("Select admin", exact=True).check()
    if java_script:
        assert page.get_by_text("2 selected").is_visible()
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_role("button", name="Deactivate 2 users").click()
    said(page, "1 user deactivated. Refused: admin (You can't deactivate your own account")


BAD = "username,email,roles\nab,nowhere,King\n"


@JAVA_SCRIPT
def test_a_file_with_errors_is_explained_and_a_good_one_imported(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    page.expected_errors.append("422")
    kind = "with" if java_script else "without"
    good = "username;email;roles\n" + "".join(f"{kind}-{n};{kind}-{n}@lab.example;Viewer\n" for n in range(12))
    sign_in(page)
    page.goto("/users/import")
    for text in (BAD, good):
        file = {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}
        page.get_by_label("CSV file").set_input_files(file)
        page.get_by_role("button", name="Check the file").click()
        if text == BAD:
            row = page.get_by_role("row", name=re.compile("^Line 2"))
            row.wait_for()
            assert "roles: There is no role 'King'." in row.inner_text()
    page.get_by_role("heading", name="12 users would be created").wait_for()
    page.get_by_role("button", name="Create 12 users").click()
    said(page, "12 users created. 12 invitations are on the way.")
    assert page.get_by_role("link", name=f"{kind}-7").is_visible()


def test_the_list_is_downloaded(page):
    sign_in(page)
    page.goto("/users?role=super_admin")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert re.fullmatch(r"users-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
    assert "admin@reprotech.com" in download.value.path().read_text()


def test_one_administrator_ends_the_session_of_another(new_page):
    here, there = new_page(), new_page()
    sign_in(here)
    create(here, "sessioner", "Viewer")
    said(here, "sessioner is created.")
    sign_in(there, "sessioner", "Correct-Horse-7")
    here.reload()
    here.get_by_role("button", name=re.compile("^End")).click()
    said(here, "The session of sessioner has ended.")
    there.goto("/")
    assert "/login" in there.url


def test_the_menu_works_by_keyboard(page):
    sign_in(page)
    page.goto("/users")
    menu = page.locator("main details.menu").first
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    menu.get_by_role("link").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Edit"
    page.keyboard.press("Escape")
    assert not menu.evaluate("(menu) => menu.open")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


@pytest.mark.parametrize("width", [390, 800, 1440])
def test_no_page_of_these_scrolls_sideways(new_page, width):
    page = new_page(viewport={"width": width, "height": 844})
    page.expected_errors.append("422")
    sign_in(page)
    user = page.request.get("/api/users?search=admin").json()["users"][0]["id"]
    for path in ("", "?status=asleep", "/new", "/import", *(f"/{user}{step}" for step in ("", "/edit", "/lock"))):
        page.goto(f"/users{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
