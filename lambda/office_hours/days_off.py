"""TEMPORARY until the schedule branch is merged."""

from office_hours.schedule import parse_dates as parse_dates
