"""What a session's user agent is, in words that its owner recognises."""

import re

#: The first that occurs names the program; all browsers claim to be the ones further down.
PROGRAMS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\bOPR/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"\b(?:Headless)?(?:Chrome|CriOS|Chromium)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/")),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
LONGEST = 48


def client_name(user_agent: str) -> str:
    """ "Firefox 133 on Linux"; the first word of what is no browser, such as "curl/8.5.0"."""
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    for name, pattern in PROGRAMS:
        if found := pattern.search(user_agent):
            return f"{name} {found[1]}" + (f" on {system}" if system else "")
    return user_agent.partition(" ")[0][:LONGEST] or "Unknown client"
