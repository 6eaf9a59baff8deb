"""Words for people: near misses, and how values and errors are shown. Pure."""

import json
from collections.abc import Iterable

_LONGEST = 120  # characters of a value that are shown


class ScheduleError(ValueError):
    """A tag value that can't be understood: a sentence that names the word at fault and what would be right.

    fault: what is wrong with which word.
    hint: what would be right, or more about `instead`.
    instead: what to replace in the value, and by what; empty if nothing is likely.
    """

    def __init__(self, fault: str, hint: str = "", instead: tuple[str, str] = ("", "")) -> None:
        meant = f'did you mean "{instead[1]}"?' if instead[1] else ""
        advice = " ".join(filter(None, (meant, hint)))
        super().__init__(f"{fault}: {advice}" if advice else fault)
        self.fault, self.hint, self.instead = fault, hint, instead


def nearest(word: str, vocabulary: Iterable[str], *, likeness: float = 0.6) -> list[str]:
    """The words of this vocabulary that may have been meant, in any case: three at most, the likeliest first."""
    from difflib import get_close_matches  # noqa: PLC0415  only an error needs it

    by_lower = {each.lower(): each for each in vocabulary}
    matches = get_close_matches(word := word.lower()[:64], by_lower, cutoff=likeness)
    matches.sort(key=lambda match: sorted(match) != sorted(word))  # swapped letters are the likeliest slip
    return [by_lower[match] for match in matches]


def unknown(what: str, word: str, vocabulary: Iterable[str], expected: str, *, likeness: float = 0.6) -> ScheduleError:
    """The error for a word that is none of these: it suggests the nearest one, else says what was expected."""
    near = nearest(word, vocabulary, likeness=likeness)
    fault = f'unknown {what} "{word}"'
    return ScheduleError(fault, instead=(word, near[0])) if near else ScheduleError(fault, expected)


def some(items: Iterable[str], most: int) -> list[str]:
    """All items, or the first ones and how many more there are."""
    every = list(items)
    return [*every[:most], f"and {len(every) - most} more"] if len(every) > most else every


def as_json(value: object) -> str:
    """A value as JSON, in plain ASCII and not too long for the log."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def sentence(error: object) -> str:
    """What an error says, with a full stop at the end."""
    text = str(error)
    return text if text.endswith((".", "?")) else f"{text}."
