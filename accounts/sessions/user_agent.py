"""Names of browsers and programs, from user agents, that a session's owner recognises."""

import re

#: The first match wins: all browsers claim to be the ones further down.
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
#: Admits no web address, of which a mail program would make a link.
PROGRAM_NAME = re.compile(r"[A-Za-z][\w-]{0,30}(?:/[\d.]{1,16})?", re.ASCII)


def client_name(user_agent: str) -> str:
    """ "Firefox 133 on Linux"; of other programs the first word, such as "curl/8.5.0"."""
    name, version, system = _browser(user_agent)
    if name:
        return f"{name} {version}" + (f" on {system}" if system else "")
    return user_agent.partition(" ")[0][:MAX_NAME_LENGTH] or "Unknown client"


def safe_client_name(user_agent: str) -> str:
    """The same for an e-mail, without text that a client could choose freely."""
    name = client_name(user_agent)
    is_browser = bool(_browser(user_agent)[0])
    return name if is_browser or PROGRAM_NAME.fullmatch(name) else "An unknown program"


def browser_family(user_agent: str) -> str:
    """ "Firefox on Linux", without the version; the whole text of other programs."""
    name, _, system = _browser(user_agent)
    return f"{name} on {system}" if name else user_agent


def _browser(user_agent: str) -> tuple[str, str, str]:
    """Name, version and operating system, "" where unknown."""
    system = next((name for token, name in OPERATING_SYSTEMS if token in user_agent), "")
    for name, pattern in BROWSERS:
        if match := pattern.search(user_agent):
            return name, match[1], system
    return "", "", system
