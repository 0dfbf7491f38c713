"""The page of one application, tab by tab: what it shows, warns of, and for whom."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Permission, Role
from accounts.roles.services import create_role
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client
from sso.models import LogoutNotice
from sso.pages.recipes import RECIPES
from sso.tests.support.sign_ins import make_application, make_session, make_sign_in

TABS = ["", "/setup", "/sign-ins", "/permissions", "/activity"]


@pytest.fixture
def browser(cast):
    return page_client(cast.super_admin)


@pytest.fixture
def grafana(cast):
    return make_application("Grafana", "researcher", home_url="https://grafana.lab.example")


def text_of(response):
    return unescape(response.content.decode())


def words_of(response):
    main = text_of(response).partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def test_the_overview_says_how_programs_find_it_and_who_may_open_it(browser, grafana):
    page = text_of(browser.get(f"/applications/{grafana.pk}"))
    for shown in (grafana.client_id, "https://grafana.lab.example/login/generic_oauth", "Signed with RS256"):
        assert shown in page
    assert f'href="/roles/{Role.objects.get(slug="researcher").pk}"' in page
    assert f'href="/applications/{grafana.pk}/edit"' in page


def test_who_may_only_read_sees_no_button_that_changes(cast, grafana):
    reader = page_client(cast.manager)
    for tab in TABS:
        page = text_of(reader.get(f"/applications/{grafana.pk}{tab}"))
        assert "Grafana" in page
        for action in ("edit", "secret", "deactivate", "delete"):
            assert f"/applications/{grafana.pk}/{action}" not in page, (tab, action)


def old_secret(application):
    application.secret_created_at = timezone.now() - timedelta(days=366)


def no_roles(application):
    application.roles.clear()
    application.is_for_everybody = True


def roles_gone(application):
    application.roles.clear()


def inactive(application):
    application.is_active = False


def no_address(application):
    application.redirect_uris = []


WARNINGS = {
    "No role opens it: everybody with an account here may.": no_roles,
    "The roles that opened it were deleted: nobody may open it.": roles_gone,
    "Its secret is older than a year.": old_secret,
    "It is inactive: nobody can sign in to it.": inactive,
    "It has no redirect address, so nobody can sign in to it yet.": no_address,
}


@pytest.mark.parametrize("sentence", WARNINGS)
def test_the_overview_warns(browser, grafana, sentence):
    assert sentence not in text_of(browser.get(f"/applications/{grafana.pk}"))
    with explicitly_recorded():
        WARNINGS[sentence](grafana)
        grafana.save()
    page = text_of(browser.get(f"/applications/{grafana.pk}"))
    assert [one for one in WARNINGS if one in page] == [sentence]


def test_the_overview_warns_of_sign_outs_that_the_program_was_not_told_of(browser, cast, grafana):
    sign_in = make_sign_in(grafana, cast.researcher)
    sentence = "couldn't be delivered to its back-channel logout address."
    values = {"application": grafana, "sign_in": sign_in, "subject": sign_in.pk, "sid": "x"}
    LogoutNotice.objects.create(**values)  # about to be sent
    LogoutNotice.objects.create(**values, last_error="HTTP 500", delivered_at=timezone.now())  # sent at last
    assert sentence not in text_of(browser.get(f"/applications/{grafana.pk}"))
    LogoutNotice.objects.create(**values, last_error="HTTP 401 <b>", attempts=3)
    page = words_of(browser.get(f"/applications/{grafana.pk}"))
    assert f"1 sign-out {sentence} The last error: HTTP 401" in page


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_set_up_has_settings_with_the_applications_own_values(browser, grafana, recipe, settings):
    settings.PUBLIC_URL = "https://auth.lab.example"
    response = browser.get(f"/applications/{grafana.pk}/setup?program={recipe.name}")
    blocks = [
        unescape(block) for block in re.findall(r"<code>(.*?)</code></pre>", response.content.decode(), re.DOTALL)
    ]
    assert len(blocks) == len(recipe.parts)
    assert grafana.client_id in blocks[0]
    assert "https://auth.lab.example" in blocks[0]
    assert "CLIENT_SECRET" in blocks[0]
    assert not re.search(r"{{|{%|&(amp|lt|quot|#)", "".join(blocks))
    assert set(re.findall(r'data-copies="(part-\d+)"', text_of(response))) == {
        f"part-{number}" for number in range(1, len(blocks) + 1)
    }


def test_the_set_up_opens_with_the_program_that_the_redirect_address_looks_like(browser, grafana):
    def opened(application):
        page = text_of(browser.get(f"/applications/{application.pk}/setup"))
        return re.search(r'aria-current="true">([^<]+)</a>', page)[1]

    assert opened(grafana) == "Grafana"
    assert opened(make_application("A", slug="a1", redirect_uris=["https://x.example/oidc/callback"])).startswith(
        "Apache"
    )
    assert opened(make_application("B", slug="b1", redirect_uris=["https://x.example/elsewhere"])) == "Other program"
    assert opened(make_application("C", slug="c1", redirect_uris=[])) == "Other program"


def test_the_set_up_says_which_addresses_are_not_registered_yet(browser, grafana):
    page = words_of(browser.get(f"/applications/{grafana.pk}/setup"))
    assert "https://grafana.lab.example/login/generic_oauth Registered" in page
    assert "https://grafana.lab.example/login Not registered" in page


def test_what_an_administrator_typed_is_no_markup_in_the_set_up(browser):
    evil = make_application("X", slug="evil", redirect_uris=["https://x.example/</code><script>alert(1)</script>"])
    for recipe in RECIPES:
        page = browser.get(f"/applications/{evil.pk}/setup?program={recipe.name}").content.decode()
        assert "<script>alert" not in page


def test_roles_that_open_it_are_required_claims_in_apaches_settings(browser, grafana):
    page = text_of(browser.get(f"/applications/{grafana.pk}/setup?program=apache"))
    everything = re.search(r'<Location "/">(.*?)</Location>', page, re.DOTALL)[1]
    assert "Require claim roles:researcher" in everything
    assert "Require valid-user" not in everything


def test_sign_ins_say_who_when_from_where_and_whether_they_still_hold(browser, cast, grafana):
    make_sign_in(grafana, cast.researcher, make_session(cast.researcher, ip_address="10.1.2.3"))
    make_sign_in(grafana, cast.researcher, ended_at=timezone.now(), end_reason="logout")
    make_sign_in(grafana, cast.viewer)  # not ended, and not open to them
    page = words_of(browser.get(f"/applications/{grafana.pk}/sign-ins"))
    assert page.count("the-researcher") >= 2
    assert "10.1.2.3" in page
    assert "Signed out" in page
    assert "Ended" in page
    now = words_of(browser.get(f"/applications/{grafana.pk}/sign-ins?state=now"))
    assert "the-researcher" in now
    assert "Signed out" not in now
    assert "the-viewer" not in now


def test_sign_ins_are_found_by_person(browser, cast, grafana):
    for number in range(30):
        make_sign_in(grafana, make_user(f"person-{number}", "researcher"))
    make_sign_in(grafana, cast.researcher)
    page = words_of(browser.get(f"/applications/{grafana.pk}/sign-ins?person=the-researcher"))
    assert "the-researcher" in page
    assert "person-" not in page
    assert "No sign-in matches." in words_of(browser.get(f"/applications/{grafana.pk}/sign-ins?person=nobody-here"))
    second = words_of(browser.get(f"/applications/{grafana.pk}/sign-ins?page=2"))
    assert len(set(re.findall(r"person-\d+", second))) == 6
    assert browser.get(f"/applications/{grafana.pk}/sign-ins?page=x").status_code == 422


def test_sign_ins_are_for_readers_of_users_and_their_sessions_alone(cast, grafana):
    create_role(actor=SYSTEM, name="Settings", permissions=["settings_read", "user_read"])
    reader = page_client(make_user("settings-reader", "settings"))
    assert reader.get(f"/applications/{grafana.pk}").status_code == 200
    assert f"/applications/{grafana.pk}/sign-ins" not in text_of(reader.get(f"/applications/{grafana.pk}"))
    assert reader.get(f"/applications/{grafana.pk}/sign-ins").status_code == 403
    assert reader.get(f"/applications/{grafana.pk}/activity").status_code == 403


def test_its_own_permissions_are_listed_with_the_roles_that_hold_them(browser, cast, grafana):
    assert "has brought no permissions along" in text_of(browser.get(f"/applications/{grafana.pk}/permissions"))
    with explicitly_recorded():
        values = {"application_slug": "grafana", "resource": "board", "description": "See boards"}
        held = Permission.objects.create(name="grafana.board_read", action="read", **values)
        Permission.objects.create(name="grafana.board_edit", action="edit", retired_at=timezone.now(), **values)
        Permission.objects.create(name="other.board_read", action="read", **{**values, "application_slug": "other"})
        Role.objects.get(slug="viewer").permissions.add(held)
    page = words_of(browser.get(f"/applications/{grafana.pk}/permissions"))
    assert "grafana.board_edit Retired See boards No role" in page
    assert "grafana.board_read See boards Viewer" in page
    assert "other.board_read" not in page


def test_activity_shows_what_happened_to_it(browser, grafana):
    assert "Nothing is on record." in text_of(browser.get(f"/applications/{grafana.pk}/activity"))
    with explicitly_recorded():
        AuditLog.objects.create(username="clerk", action="update", resource="application", resource_id=grafana.pk)
        AuditLog.objects.create(username="other", action="update", resource="application", resource_id="99")
    page = text_of(browser.get(f"/applications/{grafana.pk}/activity"))
    assert "clerk" in page
    assert "other" not in page.partition("<main")[2].partition("</main")[0].replace("another", "")
    assert f"/audit?resource=application&resource_id={grafana.pk}" in page


def test_a_tab_that_htmx_asks_for_is_the_page_without_its_frame(browser, grafana):
    for tab in TABS:
        fragment = text_of(browser.get(f"/applications/{grafana.pk}{tab}", headers={"HX-Request": "true"}))
        assert fragment.lstrip().startswith('<div id="application">'), tab


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Grafana", "Grafana"),
        ("Hub of Jupyter notebooks", "JupyterHub"),
        ("GitLab (test)", "GitLab"),
        ("nextcloud 2", "Nextcloud"),
        ("eLabFTW", "Apache (mod_auth_openidc)"),
        ("Freezer map", "Other program"),
    ],
)
def test_the_set_up_opens_at_what_the_application_is_called(browser, name, shown):
    application = make_application(name, slug="p1", redirect_uris=[])
    assert f'<h2 id="recipe">{shown}</h2>' in text_of(browser.get(f"/applications/{application.pk}/setup"))


def test_the_set_up_opens_at_what_was_chosen_last(browser, grafana):
    hub = make_application("Notebooks", redirect_uris=[])
    chosen = browser.get(f"/applications/{hub.pk}/setup?program=jupyterhub").cookies["reprotech_setup"]
    assert (chosen.value, chosen["path"], chosen["httponly"]) == ("jupyterhub", f"/applications/{hub.pk}/setup", True)
    assert "JupyterHub</h2>" in text_of(browser.get(f"/applications/{hub.pk}/setup"))
    for wrong in ("x", "", "Grafana"):
        assert "reprotech_setup" not in browser.get(f"/applications/{hub.pk}/setup?program={wrong}").cookies
    browser.cookies["reprotech_setup"] = "../<b>"
    assert "Other program</h2>" in text_of(browser.get(f"/applications/{hub.pk}/setup"))
