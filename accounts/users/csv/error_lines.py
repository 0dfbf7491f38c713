"""What is wrong with a file, as the pages show it."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from accounts.users.csv.parser import ParsedFile
from accounts.users.csv.wrong_rows import has_wrong_rows, line_of, values_by_line

MAX_ERRORS = 100
MAX_RANGES = 3


def error_context(errors: Mapping[str, list[str]], file: ParsedFile | None) -> dict[str, object]:
    """The first errors as (lines, sentences, cells of the first rows); an error of many lines is shown once."""
    places: dict[str, list[str]] = {}
    for place, sentences in errors.items():
        for sentence in sentences:
            places.setdefault(sentence, []).append(place)
    problems: dict[tuple[str, ...], list[str]] = {}
    for sentence, where in places.items():
        problems.setdefault(tuple(where), []).append(sentence)
    values = values_by_line(file) if file else {}
    shown = [
        (
            _line_ranges(where),
            sentences,
            [row for place in where[:MAX_RANGES] if (row := values.get(line_of(place) or 0))],
        )
        for where, sentences in list(problems.items())[:MAX_ERRORS]
    ]
    context = {"errors": shown, "error_count": len(problems), "line_count": len(errors)}
    if file is not None and has_wrong_rows(file, errors):
        context |= {"wrong_text": file.text, "has_ignored_columns": bool(file.ignored_columns)}
    return context


def _line_ranges(places: Sequence[str]) -> str:
    """`Line 3`, `Lines 3 to 5 and 9`, or `File`."""
    numbers = [number for place in places if (number := line_of(place)) is not None]
    if not numbers:
        return places[0].capitalize()
    # Consecutive numbers have the same distance to their position.
    runs = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    ranges = [[number for _, number in run] for _, run in runs]
    words = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in ranges]
    if len(words) > MAX_RANGES:
        words = [*words[:MAX_RANGES], f"{len(words) - MAX_RANGES:,} more"]
    listed = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"Line{'' if len(numbers) == 1 else 's'} {listed}"
