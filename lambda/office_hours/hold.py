"""The hold: an explicit, dated deviation from the schedule, written as a second tag. Pure: no AWS, no clock."""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from office_hours.clock import moment
from office_hours.schedule import State

SUFFIX = "-hold"
_EXPECTED = (
    'expected "running" or "stopped", alone or with its times: "stopped until 2026-11-24T22:00", or "running from '
    '2026-12-24 until 2027-01-04T07:00+01:00"'
)
_FORM = re.compile(r"(running|stopped)(?: from (.+?))?(?: until (.+))?", re.IGNORECASE | re.ASCII)


class HoldError(ValueError):
    """A hold that can't be understood: a sentence that names the word at fault and what would be right."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A state that a cluster keeps, whatever its schedule says.

    to: the state.
    until: when the schedule applies again, aware and in UTC; None for a hold without an end.
    since: when the hold begins; None if it is in force already.
    """

    to: State
    until: datetime | None = None
    since: datetime | None = None

    @classmethod
    def parse(cls, text: str, *, zone: ZoneInfo) -> "Hold":
        """Read a hold tag's value; a date-time without an offset is local to `zone`. Raises HoldError."""
        shown = " ".join(text.split())
        match = _FORM.fullmatch(shown)
        if not match:
            first, *others = shown.split(" ")
            wrong = others[0] if first.lower() in tuple(State) else first  # alone it would have matched
            raise HoldError(f'can\'t read "{wrong}" in hold "{shown}": {_EXPECTED}')
        since, until = (None if each is None else moment(each, zone) for each in match.groups()[1:])
        for given, read in ((match[2], since), (match[3], until)):
            if given and not read:
                raise HoldError(f'unknown date-time "{given}" in hold "{shown}": {_EXPECTED}')
        if since and until and until <= since:
            raise HoldError(f'the end "{match[3]}" is not after the start "{match[2]}" in hold "{shown}"')
        return cls(State(match[1].lower()), until, since)

    def in_force(self, at: datetime) -> bool:
        """Whether the hold is in force at this instant."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def written(self, zone: ZoneInfo) -> str:
        """A tag value that parses to an equal hold, with times in this zone and their offsets."""
        text = self.to.value
        for word, at in (("from", self.since), ("until", self.until)):
            if at:
                exact = "auto" if at.second or at.microsecond else "minutes"
                text += f" {word} {at.astimezone(zone).isoformat(timespec=exact).replace('+00:00', 'Z')}"
        return text
