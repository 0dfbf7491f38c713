"""People's jobs with users in a real browser, with and without JavaScript."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import csrf_token, expect_said, sign_in
from reprotech.tests.support.clicks import at_most, count_clicks

JAVA_SCRIPT = pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
# What only the browser does is the same on every stack.
ONCE = pytest.mark.only_on("postgresql")


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
    sign_in(page, to=None)
    create(page, name, "Researcher", "Viewer")
    expect_said(page, f"User {name} created.")
    page.get_by_role("link", name=re.compile(r"^Access( \d+)?$")).click()
    expect(page.get_by_role("row", name=re.compile("^Genomics")).get_by_text("Researcher, Viewer")).to_be_visible()

    create(page, name, "Viewer")
    page.get_by_text("This username is taken.", exact=True).wait_for()
    expect(page.get_by_label("E-mail", exact=True)).to_have_value(f"{name}@lab.example")
    expect(page.get_by_role("checkbox", name=re.compile("^Viewer"))).to_be_checked()

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
    expect_said(page, f"User {name} saved.")
    expect(page).to_have_url(re.compile(f"search={name}"))

    open_menu(page, name, "Lock")
    page.get_by_role("heading", name="Lock Ada?").wait_for()
    page.get_by_role("button", name=f"Lock {name}").click()
    expect_said(page, f"User {name} locked.")
    expect(page.get_by_role("row", name=re.compile(name)).get_by_text("Locked")).to_be_visible()

    open_menu(page, name, "Reset password")
    page.get_by_label("Set a password now").check()
    page.get_by_label("New password").fill("Other-Horse-8")
    page.get_by_role("button", name="Reset password").click()
    expect_said(page, "must change it at the next sign-in")

    page.get_by_role("link", name="Ada").click()
    page.wait_for_url(re.compile(r"/users/\d+(\?list=|$)"))
    page.get_by_role("link", name="Activity").click()
    page.get_by_text(f"admin locked {name}").wait_for()
    page.get_by_role("main").locator("summary", has_text="More").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name=f"Delete {name}").click()
    expect_said(page, f"User {name} deleted.")
    expect(page.get_by_text(name, exact=True)).to_have_count(0)


@ONCE
def test_the_list_follows_what_one_types_and_the_back_button_undoes_it(page):
    sign_in(page, to="/users?sort=username")
    page.get_by_label("Search", exact=True).press_sequentially("nobody-of-this-name")
    page.get_by_text("Nobody matches these filters.").wait_for()
    page.wait_for_url(
        re.compile(r"/users\?search=nobody-of-this-name&per_page=25&sort=username$|/users\?search=nobody")
    )
    expect(page).not_to_have_url(re.compile("role="))
    page.go_back()
    page.get_by_role("link", name="System Administrator").wait_for()
    expect(page.get_by_label("Search", exact=True)).not_to_have_value("nobody-of-this-name")
    page.goto("/users?per_page=10")
    page.get_by_role("link", name="E-mail").click()
    page.wait_for_url(re.compile("per_page=10.*sort=email|sort=email.*per_page=10"))
    page.get_by_label("Search", exact=True).fill("admin")
    page.wait_for_url(re.compile("search=admin.*(per_page=10.*sort=email|sort=email.*per_page=10)"))


@ONCE
def test_a_click_anywhere_on_a_row_opens_the_person(page):
    sign_in(page, to="/users?search=admin")
    page.locator("tr[data-row]", has_text="@admin").locator("td.col-roles").click()
    page.wait_for_url(re.compile(r"/users/\d+\?list="))


@ONCE
def test_the_menu_of_a_last_row_opens_within_the_window(new_page):
    page = new_page(viewport={"width": 1440, "height": 420})
    sign_in(page, to="/users?search=admin")
    menu = page.locator("tbody details.menu").last
    menu.locator("summary").click()
    bottom = menu.locator(".menu-items").evaluate("items => items.getBoundingClientRect().bottom - innerHeight")
    assert bottom <= 0


@ONCE
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Sao_Paulo"])
def test_times_are_shown_in_the_readers_zone_with_utc_in_the_title(new_page, zone):
    page = new_page(timezone_id=zone)
    sign_in(page, to="/audit?action=login&per_page=1")
    moment = page.locator("#events .event-time time").first
    offset = {"Asia/Kolkata": 330, "America/Sao_Paulo": -180}[zone]
    when = datetime.fromisoformat(moment.get_attribute("datetime"))
    local = when.astimezone(timezone(timedelta(minutes=offset)))
    expect(moment).to_have_text(f"{local:%H:%M:%S}")  # its day is the heading above
    expect(moment).to_have_attribute("title", re.compile(f"{when.astimezone(UTC):%-d %B %Y, %H:%M:%S} UTC$"))


@JAVA_SCRIPT
def test_several_are_changed_at_once_and_refusals_are_named(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    name = f"bulky-admin-{'with' if java_script else 'without'}"
    sign_in(page, to=None)
    create(page, name, "Viewer")
    expect_said(page, f"User {name} created.")
    page.goto("/users?search=admin")  # both, however many users other tests have made
    more = page.locator("summary", has_text="More actions for the selected users")
    expect(more).to_be_hidden()
    page.get_by_label(f"Select {name}").check()
    page.get_by_label("Select admin", exact=True).check()
    if java_script:
        expect(page.get_by_text("2 selected")).to_be_visible()
    more.click()
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_role("button", name="Deactivate 2 users").click()
    expect_said(page, "1 user deactivated. Refused: admin (You can't deactivate your own account")


@ONCE
@JAVA_SCRIPT
def test_the_selection_is_cleared_and_columns_are_chosen(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    sign_in(page, to="/users?role=super_admin&status=active")
    page.get_by_label("Select admin", exact=True).check()
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_label("Select admin", exact=True)).not_to_be_checked()
    expect(page.get_by_role("button", name="Assign role")).to_be_hidden()
    for is_chosen in (True, False):
        page.locator("summary", has_text="Columns").click()
        page.get_by_label("API keys").set_checked(is_chosen)
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("columnheader", name="API keys")).to_have_count(int(is_chosen))
    page.get_by_role("link", name="Remove the filter Role: Super Administrator").click()
    expect(page).to_have_url(re.compile(r"/users\?status=active$"))
    expect(page.get_by_label("Role", exact=True)).to_have_value("")


@ONCE
def test_times_follow_the_zone_that_a_person_chose(new_page):
    page, without = new_page(timezone_id="Europe/Berlin"), new_page(java_script_enabled=False)
    sign_in(page, to=None)
    sign_in(without, to=None)
    page.goto("/profile/time-zone")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save").click()
    expect_said(page, "Time zone saved.")
    expect(page.locator("html")).to_have_attribute("data-zone", "Asia/Tokyo")
    last_sign_in = page.locator(".facts time").first
    expect(last_sign_in).to_have_attribute("title", re.compile(r"GMT\+9"))
    without.goto("/profile")
    expect(without.locator(".facts time").first).to_have_text(re.compile("JST$"))
    page.goto("/profile/time-zone")
    page.get_by_label("Time zone").select_option("As this device")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).not_to_have_attribute("data-zone", re.compile("."))


BAD = "username,email,roles\nab,nowhere,King\n"


@JAVA_SCRIPT
def test_a_file_with_errors_is_explained_and_a_good_one_imported(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    page.expected_errors.append("422")
    kind = "with" if java_script else "without"
    good = "username;email;roles\n" + "".join(f"{kind}-{n};{kind}-{n}@lab.example;Viewer\n" for n in range(12))
    sign_in(page, to="/users/import")
    for text in (BAD, good):
        file = {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}
        page.get_by_label("CSV file").set_input_files(file)
        page.get_by_role("button", name="Validate file").click()
        if text == BAD:
            row = page.get_by_role("row", name=re.compile("^Line 2"))
            expect(row).to_contain_text("roles: There is no role 'King'.")
    page.get_by_role("heading", name="12 users would be created").wait_for()
    page.get_by_role("button", name="Create 12 users").click()
    expect_said(page, "12 users created. 12 invitations are on the way.")
    page.goto(f"/users?search={kind}-7")
    expect(page.get_by_role("link", name=f"{kind}-7", exact=True)).to_be_visible()


HR = "Nachname;Vorname;Dienstl. E-Mail;Stelle;Eintritt;Abteilung\n" + "".join(
    f"Neumann;{name};neumann{number}@lab.example;{'Laborant' if number % 2 else 'Viewer'};15.03.2031;Zellkultur\n"
    for number, name in enumerate("Anna Ben Cem Dana Emil Fay Gül Hugo Ida Jörg".split())
)


@ONCE
def test_hr_s_file_becomes_ten_people_in_a_few_clicks(page):
    count_clicks(page)
    sign_in(page, to="/users/import")
    file = {"name": "Eintritte.csv", "mimeType": "text/csv", "buffer": HR.encode("cp1252")}
    page.get_by_label("CSV file").set_input_files(file)
    with at_most(page, 6):
        page.get_by_role("button", name="Validate file").click()
        page.get_by_label("Dienstl. E-Mail").select_option("E-mail")
        page.get_by_label("Laborant").select_option("Laboratory Technician")
        page.get_by_role("button", name="Show what would be created").click()
        expect(page.get_by_label("Username of Jörg Neumann")).to_have_value("jorg.neumann")
        page.get_by_role("button", name="Create 10 users").click()
        expect_said(page, "10 users created. 10 leave the day before the start.")


@ONCE
def test_the_list_is_downloaded(page):
    sign_in(page, to="/users?role=super_admin")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert re.fullmatch(r"users-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
    assert "admin@reprotech.com" in download.value.path().read_text()


def test_one_administrator_ends_the_session_of_another(new_page):
    here, there = new_page(), new_page()
    sign_in(here)
    create(here, "sessioner", "Viewer")
    expect_said(here, "User sessioner created.")
    sign_in(there, "sessioner", "Correct-Horse-7")
    here.get_by_role("link", name="Sessions").click()
    here.locator("#sessions tbody summary").click()
    here.get_by_role("button", name=re.compile("^Sign out .+ from ")).click()
    expect_said(here, "Session of sessioner ended.")
    there.goto("/")
    expect(there).to_have_url(re.compile("/login"))


@ONCE
def test_the_menu_works_by_keyboard(page):
    sign_in(page, to="/users")
    menu = page.locator("tbody details.menu").first
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    menu.get_by_role("link").first.wait_for()
    page.keyboard.press("Tab")
    expect(menu.get_by_role("link", name="Edit", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


@ONCE
@pytest.mark.parametrize("width", [390, 800, 1440])
def test_no_page_of_these_scrolls_sideways(new_page, width):
    page = new_page(viewport={"width": width, "height": 844})
    page.expected_errors.append("422")
    sign_in(page)
    user = page.request.get("/api/users?search=admin").json()["users"][0]["id"]
    for path in ("", "?status=asleep", "/new", "/import", *(f"/{user}{step}" for step in ("", "/edit", "/lock"))):
        page.goto(f"/users{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@ONCE
def test_headings_that_sort_stay_on_a_phone(new_page):
    page = new_page(viewport={"width": 390, "height": 844})
    sign_in(page, to="/users")
    row = page.locator(".user-rows thead").bounding_box()
    assert row["width"] > 300
    assert row["height"] < 100
    page.get_by_role("link", name="Last sign-in").click()
    expect(page).to_have_url(re.compile("sort=-?last_login"))


@ONCE
def test_the_form_proposes_a_username_and_shows_what_the_roles_give(page):
    sign_in(page, to="/users/new")
    username, preview = page.get_by_label("Username"), page.get_by_role("region", name="Permissions of these roles")
    page.get_by_label("First name").fill("Zoë")
    page.get_by_label("Last name").fill("Proposed")
    page.get_by_label("E-mail", exact=True).focus()
    expect(username).to_have_value("zoe.proposed")
    page.get_by_label("Last name").fill("Other")
    page.get_by_label("E-mail", exact=True).focus()
    expect(username).to_have_value("zoe.other")
    username.fill("mine")
    page.get_by_label("First name").fill("Ada")
    expect(preview).to_contain_text("None: without a role")
    page.get_by_role("checkbox", name=re.compile("^Viewer")).check()
    expect(preview).to_contain_text("Genomics")
    page.get_by_role("checkbox", name=re.compile("^Viewer")).uncheck()
    expect(preview).to_contain_text("None: without a role")
    expect(username).to_have_value("mine")


@ONCE
def test_a_lock_is_undone_from_its_message(page):
    sign_in(page)
    token = csrf_token(page)
    person = {"username": "undone", "email": "undone@lab.example", "roles": ["Viewer"]}
    made = page.request.post("/api/users", data=person, headers={"X-CSRFToken": token}).json()["user"]
    page.goto(f"/users/{made['id']}")
    page.locator("summary", has_text="More").click()
    page.get_by_role("link", name="Lock", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Lock")).click()
    page.locator("#toasts").get_by_text("User undone locked.").wait_for()
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    page.locator("#toasts").get_by_text("User undone unlocked.").wait_for()
