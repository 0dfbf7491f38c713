"""What a session's user agent is, in words that its owner recognises."""

import re

#: The first that occurs names the program; all browsers claim to be the ones further down.
BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\bOPR/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"\b(?:Headless)?(?:Chrome|CriOS|Chromium)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/")),
)
OPERATING_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
MAX_NAME_LENGTH = 48


#: What programs call themselves; not the address of a site, which a mail program would make a link of.
PROGRAM_NAME = re.compile(r"[A-Za-z][\w-]{0,30}(?:/[\d.]{1,16})?", re.ASCII)


def client_name(user_agent: str) -> str:
    """ "Firefox 133 on Linux"; the first word of what is no browser, such as "curl/8.5.0"."""
    name, version, system = _browser(user_agent)
    if name:
        return f"{name} {version}" + (f" on {system}" if system else "")
    return user_agent.partition(" ")[0][:MAX_NAME_LENGTH] or "Unknown client"


def safe_client_name(user_agent: str) -> str:
    """The same for a mail, into which nobody can write by what they call their program."""
    name = client_name(user_agent)
    is_browser = bool(_browser(user_agent)[0])
    return name if is_browser or PROGRAM_NAME.fullmatch(name) else "An unknown program"


def browser_family(user_agent: str) -> str:
    """ "Firefox on Linux", whatever the version; the whole text of what is no browser."""
    name, _, system = _browser(user_agent)
    return f"{name} on {system}" if name else user_agent


def _browser(user_agent: str) -> tuple[str, str, str]:
    """Name, version and operating system; without a name it is none that we know."""
    system = next((name for mark, name in OPERATING_SYSTEMS if mark in user_agent), "")
    for name, pattern in BROWSERS:
        if found := pattern.search(user_agent):
            return name, found[1], system
    return "", "", system
