"""The documents and the API documentation: our type and colours, light and dark, and readable on a phone."""

import re

import pytest
from playwright.sync_api import expect

from reprotech.tests.browser.test_accessibility import SCHEMES, violations
from reprotech.tests.support.browser_actions import sign_in

# What a page looks like is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

#: What a page looks like where `selector` is, and whether it is wider than the window.
LOOK = """(selector) => {
    const {backgroundColor, color, fontFamily} = getComputedStyle(document.querySelector(selector));
    return {backgroundColor, color, fontFamily, fits: document.documentElement.scrollWidth <= innerWidth}}"""
LIGHT, DARK = "rgb(22, 32, 31)", "rgb(230, 236, 234)"


def open_api(page):
    page.goto("/api/docs")
    page.get_by_role("link", name="/api/auth/login", exact=True).wait_for()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_api_page_has_our_type_and_follows_the_scheme(new_page, width):
    page = new_page(viewport={"width": width, "height": 900})
    for scheme, text in zip(SCHEMES, (LIGHT, DARK), strict=True):
        page.emulate_media(color_scheme=scheme)
        open_api(page)
        for part in (".info .title", ".opblock-summary-description", ".btn.authorize"):
            look = page.evaluate(LOOK, part)
            assert look["fontFamily"].lower().startswith("inter"), part
            assert look["fits"]
        assert page.evaluate(LOOK, ".info .title")["color"] == text
        assert page.evaluate("document.documentElement.classList.contains('dark-mode')") is (scheme == "dark")


def test_the_api_page_heeds_the_theme_that_one_chose(new_page):
    page = new_page(color_scheme="light")
    sign_in(page)
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_load_state()
    open_api(page)
    assert page.evaluate(LOOK, ".info .title")["color"] == DARK


def test_a_call_of_the_api_page_fits_a_phone(new_page):
    page = new_page(viewport={"width": 390, "height": 844})
    open_api(page)
    page.get_by_role("button", name="POST /api/auth/login", exact=False).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").wait_for()
    look = page.evaluate(LOOK, ".opblock.is-open .microlight code")
    assert look["fits"]
    assert "mono" in look["fontFamily"].lower()
    assert page.locator(".responses-table .microlight").first.bounding_box()["width"] > 250


def test_one_gets_from_any_page_to_a_document_and_on_to_a_part_of_it(page):
    sign_in(page)
    page.get_by_role("link", name="Help").click()
    page.get_by_role("navigation", name="Documents").get_by_role("link", name="Administration").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Administration")
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Inviting people").click()
    expect(page.get_by_role("heading", name="Inviting people")).to_be_in_viewport()
    expect(page).to_have_url(re.compile("/docs/administration#inviting-people$"))


def test_on_a_phone_the_lists_are_below_the_text_and_a_button_leads_there(new_page):
    page = new_page(viewport={"width": 390, "height": 844})
    sign_in(page)
    page.goto("/docs/administration")
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    page.get_by_role("link", name="On this page").click()
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Roles").click()
    expect(page.get_by_role("heading", name="Roles", exact=True)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", ["administration", "api", "security-map", "development/architecture"])
def test_axe_finds_nothing_in_documents_of_each_kind(new_page, name):
    page = new_page(reduced_motion="reduce")  # halfway from one scheme's colours to the other's there is no contrast
    sign_in(page, to=f"/docs/{name}")
    found = []
    for scheme in SCHEMES:
        for width in (1440, 390):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{scheme}, {width} px: {text}" for text in violations(page, scheme)]
    assert found == []
