"""Lists in a real browser: room for what they show at every width, and what stays in sight while one reads on."""

import pytest

from reprotech.tests.support.browser_actions import sign_in, wait_until

# What a page looks like is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

#: {what a column holds: its width} of those that are shown, and whether an address is cut or the page too wide.
COLUMNS = """() => {
    const heads = [...document.querySelectorAll(".user-rows thead th")].filter((head) => head.offsetWidth > 0);
    const widths = Object.fromEntries(heads.map((head) => [head.className, head.offsetWidth]));
    const addresses = [...document.querySelectorAll(".user-rows :is(td.col-email, .person-email)")];
    return {
        widths,
        cut: addresses.filter((one) => one.offsetWidth > 0 && one.scrollWidth > one.clientWidth + 1).length,
        shown: addresses.filter((one) => one.offsetWidth > 0).length,
        fits: document.documentElement.scrollWidth <= innerWidth,
    }}"""


def test_no_column_of_the_users_is_squeezed_and_no_address_cut_at_any_width(page):
    sign_in(page)
    for width in (1024, 1200, 1280, 1366, 1400, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto("/users")
        found = page.evaluate(COLUMNS)
        assert found["fits"], width
        assert (width, found["cut"]) == (width, 0)
        assert found["shown"] > 0
        columns = {"col-username", "col-roles", "col-is_active", "col-factor", "col-last_login"}
        assert columns <= set(found["widths"])
        assert (width, found["widths"]["col-roles"] >= 100) == (width, True)
        assert (width, found["widths"]["col-username"] >= 140) == (width, True)


def test_another_page_starts_at_the_head_of_the_list_and_the_heads_stay_in_sight(new_page):
    page = new_page(viewport={"width": 1440, "height": 500}, reduced_motion="reduce")
    sign_in(page)
    # Twelve people, so that there is a second page of ten.
    page.goto("/users/import")
    people = "".join(f"paged-{number},paged-{number}@lab.example\n" for number in range(12))
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": f"username,email\n{people}".encode()}
    page.locator("[name=file]").set_input_files(file)
    page.get_by_role("button", name="Validate file").click()
    page.get_by_role("button", name="Create 12 users").click()
    page.wait_for_url("**/users?**")
    page.goto("/users?per_page=10&page=2")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.get_by_role("link", name="Previous", exact=True).click()
    page.wait_for_url(lambda address: "page=2" not in address)
    wait_until(page, "() => Math.abs(document.querySelector('#users').getBoundingClientRect().top - 64) < 24")
    heads = page.locator(".user-rows thead th").first
    page.evaluate("scrollBy(0, 200)")
    assert heads.bounding_box()["y"] == page.locator(".top-bar").bounding_box()["height"]


def test_filters_stand_in_lines_at_twice_the_size(new_page):
    """720 px is what a window of 1440 px has at a zoom of 200 %."""
    page = new_page(viewport={"width": 720, "height": 900})
    sign_in(page)
    for path in ("/users", "/audit"):
        page.goto(path)
        fields = page.locator("main .filters :is(input:not([type=hidden], [type=checkbox]), select):visible")
        boxes = [field.bounding_box() for field in fields.all()]
        lines = {round(box["y"]) for box in boxes}
        assert len(boxes) >= 5
        assert {round(box["height"]) for box in boxes} == {round(boxes[0]["height"])}
        assert len(lines) <= 2, sorted(lines)


#: The colours of a button that deletes, and of a box that isn't ticked.
LOOKS = """() => {
    const main = document.querySelector("main");
    const button = Object.assign(document.createElement("button"), {className: "btn btn-danger"});
    const box = Object.assign(document.createElement("input"), {type: "checkbox"});
    main.append(button, box);
    const [danger, unticked] = [getComputedStyle(button), getComputedStyle(box)];
    const surface = getComputedStyle(document.querySelector(".top-bar")).backgroundColor;
    return {text: danger.color, ground: danger.backgroundColor, box: unticked.backgroundColor, surface}}"""


def test_danger_is_as_strong_in_the_dark_and_what_is_not_ticked_is_empty(page):
    sign_in(page)
    for scheme, ground in (("light", "rgb(163, 36, 27)"), ("dark", "rgb(192, 58, 48)")):
        page.emulate_media(color_scheme=scheme)
        page.goto("/")
        look = page.evaluate(LOOKS)
        assert (look["text"], look["ground"]) == ("rgb(255, 255, 255)", ground)
        assert look["box"] == look["surface"]
