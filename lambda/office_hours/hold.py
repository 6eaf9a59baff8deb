"""The hold: an explicit, dated deviation from the schedule, written as a second tag. Pure: no AWS, no clock."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from office_hours.clock import moment
from office_hours.schedule import State

SUFFIX = "-hold"
_EXPECTED = 'expected "running" or "stopped", then, if it is to end, "until" and a date-time such as 2026-11-24T22:00'


class HoldError(ValueError):
    """A hold that cannot be understood. Its text is a sentence that names the word at fault and what would be right."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A state that a cluster is to keep, whatever its schedule says.

    to: the state.
    until: the instant, aware, in UTC, from which the schedule counts again; None for a hold without an end.
    """

    to: State
    until: datetime | None = None

    @classmethod
    def parse(cls, text: str, *, zone: ZoneInfo) -> "Hold":
        """Read a hold tag's value; a date-time without an offset is local to `zone`. Raises HoldError."""
        words = text.split()
        shown = " ".join(words)
        state = words[0].lower() if words else ""
        if state not in tuple(State):
            raise HoldError(f'unknown state "{" ".join(words[:1])}" in hold "{shown}": {_EXPECTED}')
        if len(words) == 1:
            return cls(State(state))
        if words[1].lower() != "until":
            raise HoldError(f'unknown word "{words[1]}" in hold "{shown}": {_EXPECTED}')
        if len(words) != 3:
            fault = f'unknown word "{words[3]}"' if len(words) > 3 else 'nothing after "until"'
            near = f'did you mean "{words[2]}T{words[3]}"? ' if len(words) > 3 and ":" in words[3] else ""
            raise HoldError(f'{fault} in hold "{shown}": {near}{_EXPECTED}')
        if (until := moment(words[2], zone)) is None:
            expected = "expected a date-time such as 2026-11-24T22:00, 2026-11-24T22:00Z or 2026-11-24T22:00+01:00"
            raise HoldError(f'unknown date-time "{words[2]}" in hold "{shown}": {expected}')
        return cls(State(state), until)

    def in_force(self, at: datetime) -> bool:
        """Whether the hold lasts at this instant."""
        return self.until is None or at < self.until

    def __str__(self) -> str:
        """A tag value that parses to an equal hold, in any zone."""
        return self.written(ZoneInfo("UTC"))

    def written(self, zone: ZoneInfo) -> str:
        """The same value, its time as the clocks of this zone show it, with the offset."""
        if self.until is None:
            return self.to.value
        at = self.until.astimezone(zone)
        exact = "auto" if at.second or at.microsecond else "minutes"
        return f"{self.to} until {at.isoformat(timespec=exact).replace('+00:00', 'Z')}"
