"""Reads a file of entries, and checks their form. What they may be is for the services to say."""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 1_000_000
#: As TOML or JSON gives it.
Entry = Mapping[str, Any]


class DocumentRefused(Exception):
    """What has to be corrected in the file: a sentence for each problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Section:
    """The entries of one kind: each is known by its `key`, and has these fields, of these types."""

    key: str
    fields: Mapping[str, type]


#: As `POST` takes them in the API, in the order in which they are carried out. A list stands for a list of texts.
SECTIONS = {
    "roles": Section(
        "name",
        {
            "name": str,
            "description": str,
            "permissions": list,
            "requires_factor": bool,
            "is_requestable": bool,
            "may_grant": list,
            "absent": bool,
            "reassign_to": str,
        },
    ),
    "exclusions": Section(
        "name", {"name": str, "set_a": list, "set_b": list, "mode": str, "reason": str, "absent": bool}
    ),
    "applications": Section(
        "slug",
        {
            "slug": str,
            "name": str,
            "description": str,
            "home_url": str,
            "kind": str,
            "redirect_uris": list,
            "post_logout_redirect_uris": list,
            "backchannel_logout_uri": str,
            "roles": list,
            "signing_alg": str,
            "offline_access": bool,
            "device_grant": bool,
            "access_token_minutes": int,
            "service_account": str,
            "is_active": bool,
            "absent": bool,
        },
    ),
    "reviews": Section(
        "name",
        {
            "name": str,
            "scope": dict,
            "reviewers": list,
            "reviewer_role": str,
            "due_days": int,
            "every_months": int,
            "if_unanswered": str,
        },
    ),
}
TYPE_NAMES = {str: "a text", bool: "true or false", int: "a whole number", list: "a list of texts", dict: "a table"}


def read_document(content: bytes) -> dict[str, list[Entry]]:
    """The entries by section, from TOML or JSON in UTF-8. Raises DocumentRefused with all that is wrong."""
    document = _parse(content)
    if problems := list(_problems(document)):
        raise DocumentRefused(*problems)
    if not any(document.values()):
        raise DocumentRefused(f"The file says nothing. It may have the sections {', '.join(SECTIONS)}.")
    return {name: document.get(name, []) for name in SECTIONS}


def _parse(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_BYTES:
        raise DocumentRefused(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        text = content.decode("utf-8-sig")
        # TOML never begins with a brace.
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text.replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise DocumentRefused("The file isn't UTF-8. Save it as UTF-8.") from None
    except RecursionError:
        raise DocumentRefused("The file is nested too deeply.") from None
    except ValueError as error:
        raise DocumentRefused(f"The file is neither TOML nor JSON: {error}") from None
    _refuse_what_no_database_stores(document)
    return dict(document)


def _refuse_what_no_database_stores(document: object) -> None:
    """JSON may escape NUL and halves of characters."""
    text = json.dumps(document, default=str, ensure_ascii=False)
    if "\\u0000" in text or text != text.encode(errors="replace").decode():
        raise DocumentRefused("The file has characters that aren't text.")


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    for name, entries in document.items():
        section = SECTIONS.get(name)
        if section is None:
            yield f"There is no section {name}.{_suggestion(name, SECTIONS)}"
        elif not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            yield f"{name}: write each entry as a table of its own: [[{name}]]."
        else:
            yield from _section_problems(name, section, entries)


def _section_problems(name: str, section: Section, entries: list[Entry]) -> Iterator[str]:
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        known_as = entry.get(section.key)
        if not isinstance(known_as, str) or not known_as.strip():
            yield f"{name}, entry {number}: give it a {section.key}."
            continue
        if known_as.strip().casefold() in seen:
            yield f"{name}: {known_as!r} stands there twice. Leave one of them out."
        seen.add(known_as.strip().casefold())
        for field, value in entry.items():
            if problem := _field_problem(section, field, value):
                yield f"{title(name, entry)}: {problem}"


def _field_problem(section: Section, field: str, value: object) -> str:
    wanted = section.fields.get(field)
    if wanted is None:
        return f"there is no field {field}.{_suggestion(field, section.fields)}"
    # Python takes true for 1.
    fits = type(value) is wanted and (wanted is not list or all(isinstance(each, str) for each in _listed(value)))
    return "" if fits else f"{field} must be {TYPE_NAMES[wanted]}."


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else f" Known are: {', '.join(known)}."


def title(section: str, entry: Entry) -> str:
    """How problems name an entry: `roles, Technician`."""
    return f"{section}, {entry[SECTIONS[section].key]}"
