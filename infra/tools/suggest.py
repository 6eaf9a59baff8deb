"""Says what office hours would save, before anything is deployed: `make suggest`, with read-only credentials.

The settings are cdk.json's. `make suggest DEMO=1` uses a simulated account.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from office_hours import rds
from office_hours.answer import RunError, logger
from office_hours.regions import Invocation
from office_hours.reporting.suggest import Suggestion, Suggestions, suggest
from office_hours.settings import Settings
from settings import StackSettings, stored_settings

NEEDED = """You need credentials (AWS_PROFILE or the like), a Region (AWS_REGION, or "regions" in cdk.json), and these
permissions: rds:DescribeDBClusters, rds:DescribeDBInstances, cloudwatch:GetMetricData, pricing:GetProducts,
and account:ListRegions for "regions": ["*"]. Nothing is changed. For a simulated account: make suggest DEMO=1"""


def main() -> None:
    """Print the suggestions. The exit status is 1 if some or all of them can't be made."""
    checked = stored_settings()
    logger.setLevel("CRITICAL")  # failures are printed below
    try:
        answer = ask_the_demo(checked) if os.environ.get("DEMO") else ask(Settings.from_json(checked.as_json()))
    except (BotoCoreError, ClientError, RunError) as error:
        sys.exit(f"{error}\n\n{NEEDED}")
    print("\n".join(table(answer["suggestions"])))
    zone = checked.default_zone
    hint = " Set it to the zone that people work in, so that the hours follow their clocks." if zone == "UTC" else ""
    print(f"\nTimes are in {zone}, the setting defaultZone.{hint}")
    if failures := answer["failures"]:
        sys.exit("\n".join(["", "Left out:", *failures, "", NEEDED]))


def ask(settings: Settings) -> Suggestions:
    """What to suggest for the account of this machine's credentials."""
    if region := os.environ.get("AWS_REGION"):  # boto3 doesn't read it; the CDK and Lambda do
        os.environ["AWS_DEFAULT_REGION"] = region
    if rds.session().get_credentials() is None:
        raise RunError("No AWS credentials found.")
    now = datetime.now(UTC)
    return suggest(Invocation(settings, now, now + timedelta(minutes=15)))


def ask_the_demo(settings: StackSettings) -> Suggestions:
    from demo.account import SAMPLE_PRICES, START, UNTAGGED  # noqa: PLC0415  slow to import
    from demo.simulated import simulated  # noqa: PLC0415  as above

    usd = SAMPLE_PRICES[UNTAGGED[0].instance_class]
    print(f"This is a simulated account without tags. The price is made up: ${usd:.2f} an hour.\n")
    with simulated(UNTAGGED, {}) as account:
        account.advance(START)
        return ask(Settings(settings.tag_key, default_zone=settings.default_zone))


def table(suggestions: Sequence[Suggestion]) -> list[str]:
    """Lines: a row for each cluster, the sum, then notes and commands."""
    if not suggestions:
        return ["There are no untagged clusters that RDS can stop."]
    names = [f"{each['region']}/{each['cluster']}" for each in suggestions]
    width = max(map(len, [*names, "cluster"]))
    lines = [f"{'cluster':{width}}  hours saved a month  USD saved a month  tag"]
    for name, each in zip(names, suggestions, strict=True):
        lines.append(
            f"{name:{width}}  {_figures(each['saved_hours_a_month'], each['saved_usd_a_month'])}  {each['tag'] or '-'}"
        )
    known = [each["saved_usd_a_month"] for each in suggestions if each["saved_usd_a_month"] is not None]
    left_out = f"without {len(suggestions) - len(known)} whose price is unknown" if len(known) < len(names) else ""
    total = _figures(sum(each["saved_hours_a_month"] for each in suggestions), sum(known))
    lines += [f"{'total saved':{width}}  {total}  {left_out}".rstrip(), ""]
    lines += [f"{name}: {each['note']}" for name, each in zip(names, suggestions, strict=True)]
    commands = [each["command"] for each in suggestions if each["command"]]
    return [*lines, *(["", "To set the tags:", ""] if commands else []), *commands]


def _figures(hours: float, usd: float | None) -> str:
    return f"{hours:19,.0f}  {'?' if usd is None else f'{usd:,.2f}':>17}"


if __name__ == "__main__":
    main()
