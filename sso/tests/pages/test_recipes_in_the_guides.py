"""The guides to programs show the settings that an application's page shows."""

import re

import pytest

from reprotech.testing.plugin import ROOT
from sso.pages.recipes import RECIPES, settings_of
from sso.tests.support.sign_ins import make_application

GUIDES = ROOT / "docs" / "applications"
WITH_GUIDE = [recipe for recipe in RECIPES if recipe.callback]
#: Those whom Apache lets in, in its guide's example.
OPENERS = {"apache": ("researcher", "lab_technician")}


@pytest.mark.parametrize("recipe", WITH_GUIDE, ids=lambda recipe: recipe.name)
def test_a_guide_has_the_settings_of_the_page(cast, recipe):
    guide = (GUIDES / f"{recipe.name}.md").read_text(encoding="utf-8")
    redirect = re.search(rf"`(https://\S+){re.escape(recipe.callback)}`", guide)
    address = redirect[1] + recipe.callback
    application = make_application(recipe.label, *OPENERS.get(recipe.name, ()), slug="p1", redirect_uris=[address])
    texts = [text for _, text in settings_of(application, recipe, "https://auth.lab.example")]
    expected = [text.replace(application.client_id, "app_ID") for text in texts]
    assert re.findall(r"^```\w+\n(.*?)^```", guide, re.DOTALL | re.MULTILINE) == expected
    for path in (recipe.backchannel, recipe.post_logout if recipe.post_logout != "/" else ""):
        assert not path or f"`{redirect[1]}{path}`" in guide


def test_every_program_has_a_guide():
    assert {path.stem for path in GUIDES.glob("*.md")} == {recipe.name for recipe in WITH_GUIDE}
