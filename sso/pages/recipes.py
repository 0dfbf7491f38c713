"""Ready-made settings for programs that sign people in here, filled with an application's own addresses."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from urllib.parse import urlsplit

from django.template.loader import render_to_string

from sso.models import Application

#: The recipe of those that sign in by the device grant.
DEVICE = "device"
#: Where a program is, as long as nothing of the application says so.
UNKNOWN_BASE = "https://program.example.org"
#: What asks again for people who may not sign in any more does so this long before the access token ends.
REFRESH_MARGIN_MINUTES = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a program's settings: where it goes, and the template of its text in templates/sso/recipes/."""

    place: str
    template: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """A program's settings. Its addresses are paths below the program's own address, "" where it has none."""

    name: str
    label: str
    summary: str
    callback: str
    parts: tuple[Part, ...]
    post_logout: str = "/"
    backchannel: str = ""
    hints: tuple[str, ...] = ()
    #: In small letters, by which an application's name or short name says that it is one of these; its own besides.
    known_as: tuple[str, ...] = ()

    @property
    def guide(self) -> str:
        """The name of its page in docs/."""
        return f"applications/{self.name}" if self.callback else "modules"

    @property
    def needs_device_grant(self) -> bool:
        return self.name == DEVICE


@dataclass(frozen=True, slots=True)
class Address:
    """One that the program needs: `is_registered` for this application."""

    label: str
    url: str
    is_registered: bool


RECIPES = (
    Recipe(
        "grafana",
        "Grafana",
        "Dashboards. People sign in with Reprotech and become Admin or Viewer by their role here.",
        callback="/login/generic_oauth",
        parts=(Part("grafana.ini", "grafana"),),
        post_logout="/login",
        hints=(
            "Change the last part of role_attribute_path to say which of your roles becomes Admin, Editor or Viewer.",
            "Grafana takes no sign-outs from here. It asks again when the access token ends, then signs people out.",
        ),
    ),
    Recipe(
        "jupyterhub",
        "JupyterHub",
        "Notebooks. Roles here become groups there, and administrators administer the hub.",
        callback="/hub/oauth_callback",
        known_as=("jupyter",),
        parts=(Part("jupyterhub_config.py", "jupyterhub"),),
        post_logout="/hub/login",
        hints=(
            "It needs the package oauthenticator, version 17 or later, next to JupyterHub.",
            "JupyterHub takes no sign-outs from here. It asks again after five minutes (its setting auth_refresh_age).",
        ),
    ),
    Recipe(
        "gitlab",
        "GitLab",
        "Code and documents. An account is made there at the first sign-in.",
        callback="/users/auth/openid_connect/callback",
        parts=(Part("/etc/gitlab/gitlab.rb", "gitlab"),),
        hints=(
            "Run “gitlab-ctl reconfigure” afterwards.",
            "Who has an account there already connects it once, in the settings of their profile.",
            "GitLab takes no sign-outs from here: its own session lasts as long as GitLab is set to.",
        ),
    ),
    Recipe(
        "nextcloud",
        "Nextcloud",
        "Files. Roles here become groups there, and people are signed out there as soon as they are here.",
        callback="/apps/user_oidc/code",
        parts=(Part("As the user of the web server, in Nextcloud's directory", "nextcloud"),),
        backchannel="/index.php/apps/user_oidc/backchannel-logout/Reprotech",
        hints=(
            "Where Nextcloud's addresses contain index.php, the redirect address is …/index.php/apps/user_oidc/code.",
            "Nextcloud's group admin administers it: group-whitelist-regex leaves it alone.",
            "Accounts that exist there already keep their names if you map uid to preferred_username instead of sub.",
        ),
    ),
    Recipe(
        "apache",
        "Apache (mod_auth_openidc)",
        "For eLabFTW and other programs that take the person from the web server. Apache lets in those who may open "
        "this application, and passes their username on as REMOTE_USER.",
        callback="/oidc/callback",
        known_as=("elabftw",),
        parts=(Part("The virtual host of the program", "apache"),),
        backchannel="/oidc/callback?logout=backchannel",
        hints=(
            "Debian and Ubuntu: install libapache2-mod-auth-openidc, then “a2enmod auth_openidc headers”.",
            "Claims are there too, as variables and headers: OIDC_CLAIM_email, OIDC_CLAIM_given_name and so on.",
            "eLabFTW: name them in extauth_remote_user, extauth_email, extauth_firstname and extauth_lastname.",
            "The program must not be reachable past Apache: anyone who reaches it directly could say to be anybody.",
        ),
    ),
    Recipe(
        "oauth2-proxy",
        "oauth2-proxy with nginx",
        "For programs behind nginx that take the person from a header.",
        callback="/oauth2/callback",
        known_as=("oauth2proxy",),
        parts=(
            Part("oauth2-proxy.cfg", "oauth2_proxy"),
            Part("The server block of the program in nginx", "oauth2_proxy_nginx"),
        ),
        hints=(
            "oauth2-proxy takes no sign-outs from here. It asks again as often as cookie_refresh says.",
            "The program must not be reachable past nginx: anyone who reaches it directly could say to be anybody.",
        ),
    ),
    Recipe(
        DEVICE,
        "Instrument without a browser",
        "It shows a code, which people type on the page /device. It needs no redirect address.",
        callback="",
        parts=(Part("As environment variables", "device"),),
        hints=("The guide has a whole program of 30 lines that signs in like this.",),
    ),
    Recipe(
        "other",
        "Other program",
        "Anything that speaks OpenID Connect. Most programs ask for the issuer alone and find the other addresses "
        "by themselves.",
        callback="",
        parts=(Part("As environment variables", "other"),),
        hints=("PKCE with S256 is required, also of programs that have a secret.",),
    ),
)
BY_NAME = {recipe.name: recipe for recipe in RECIPES}


def recipe_for(application: Application, *names: str) -> Recipe:
    """The first of these names that there is, or what the application looks like by its addresses, or by its name."""
    for name in names:
        if name in BY_NAME:
            return BY_NAME[name]
    if application.device_grant and not application.redirect_uris:
        return BY_NAME[DEVICE]
    paths = [urlsplit(uri).path for uri in application.redirect_uris]
    programs = [recipe for recipe in RECIPES if recipe.callback]
    by_address = (recipe for recipe in programs if any(path.endswith(recipe.callback) for path in paths))
    called = f"{application.slug} {application.name.lower()}"
    by_name = (recipe for recipe in programs if any(word in called for word in (recipe.name, *recipe.known_as)))
    return next(chain(by_address, by_name), BY_NAME["other"])


def program_base(application: Application, recipe: Recipe) -> str:
    """Where the program is, without a slash at the end: by its redirect address, else by its home address."""
    for uri in application.redirect_uris:
        if recipe.callback and uri.endswith(recipe.callback):
            return str(uri.removesuffix(recipe.callback))
    known = [application.home_url, *application.redirect_uris]
    parts = next((urlsplit(uri) for uri in known if uri), None)
    return f"{parts.scheme}://{parts.netloc}" if parts else UNKNOWN_BASE


def redirect_uri(application: Application, recipe: Recipe) -> str:
    if recipe.callback:
        return program_base(application, recipe) + recipe.callback
    return str(next(iter(application.redirect_uris), f"{UNKNOWN_BASE}/callback"))


def addresses_of(application: Application, recipe: Recipe) -> Iterator[Address]:
    """What has to be registered here for the program to work whole."""
    if not recipe.callback:
        return
    base = program_base(application, recipe)
    redirect = base + recipe.callback
    yield Address("Redirect address", redirect, redirect in application.redirect_uris)
    after = base + recipe.post_logout
    yield Address("After signing out", after, after in application.post_logout_redirect_uris)
    if recipe.backchannel:
        backchannel = base + recipe.backchannel
        yield Address("Back-channel logout", backchannel, backchannel == application.backchannel_logout_uri)


def settings_of(application: Application, recipe: Recipe, issuer: str) -> list[tuple[str, str]]:
    """Where each part goes, and its text; the secret is a placeholder. The texts are no HTML."""
    base = program_base(application, recipe)
    values = {
        "issuer": issuer,
        "client_id": application.client_id,
        "is_confidential": application.is_confidential,
        "base": base,
        "redirect_uri": redirect_uri(application, recipe),
        "callback_path": urlsplit(base + recipe.callback).path,
        "post_logout_uri": base + recipe.post_logout,
        "roles": [role.slug for role in application.roles.all()],
        "refresh_minutes": max(application.access_token_minutes - REFRESH_MARGIN_MINUTES, 1),
    }
    return [
        (part.place, render_to_string(f"sso/recipes/{part.template}.txt", values).strip() + "\n")
        for part in recipe.parts
    ]


def endpoints_of(application: Application, issuer: str, recipe: Recipe) -> list[tuple[str, str]]:
    """What a program may ask for, besides the settings themselves."""
    of_browsers = {"Authorization", "Sign-out"} if recipe.needs_device_grant else set()
    known = {
        "Issuer": issuer,
        "Discovery": f"{issuer}/.well-known/openid-configuration",
        "Client ID": application.client_id,
        "Authorization": f"{issuer}/oauth/authorize",
        "Token": f"{issuer}/oauth/token",
        "User info": f"{issuer}/oauth/userinfo",
        "Signing keys (JWKS)": f"{issuer}/oauth/jwks",
        "Sign-out": f"{issuer}/oauth/logout",
        **({"Device authorization": f"{issuer}/oauth/device"} if application.device_grant else {}),
        "Introspection": f"{issuer}/oauth/introspect",
        "Revocation": f"{issuer}/oauth/revoke",
        "Scopes": "openid profile email roles permissions",
        "Signing algorithm": application.signing_alg,
    }
    return [(label, value) for label, value in known.items() if label not in of_browsers]
