"""`python -m local`: the stack at work, deployed to an emulated account on this machine."""

import argparse
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from local import clusters, deployment, emulator, people, preview
from local.clusters import Cluster, next_edge, window
from local.emulator import ACCOUNT, REGION, Account, LocalError
from local.follow import START, STOP, follow, log_every_decision, subscribe

HOUR = timedelta(hours=1)


def main() -> None:
    """Deploy, make some clusters, and follow what happens to them."""
    parser = argparse.ArgumentParser(prog="make local", usage="make local [SECONDS=90]")
    parser.add_argument("seconds", nargs="?", type=float, help="how long to follow; by default, until Ctrl-C")
    seconds = parser.parse_args().seconds
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
    # The user's own profile, credentials and endpoints must not be used here.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    with emulator.account() as account, preview.serve(account) as dashboard:
        console.print(f"An emulated AWS account listens at {account.endpoint}. Preparing it for the CDK.")
        deployment.bootstrap(account)
        console.print("Deploying the stack with everyMinutes=1 and noticeMinutes=1.")
        deployment.deploy(account, everyMinutes=1, noticeMinutes=1)
        log_every_decision(account)
        queue = subscribe(account)
        edge = next_edge(datetime.now(UTC))
        for cluster in some_clusters(edge):
            clusters.make(account, cluster)
            console.print(f"  {cluster.name:11} {cluster.tag or 'no tag'}")
        console.print("\nWhat people do by hand:")
        for line in people.steer(account, people.some_commands(edge)):
            console.print(f"  {line}")
        console.print(f"  {people.stop(account, 'noon', 'carol')}")
        console.print("\nTry it yourself, in another terminal:")
        for line in commands(account):
            console.print(f"  {line}")
        console.print(f"\nThe dashboard's widget, with buttons that work on this account: {dashboard}")
        until = "until Ctrl-C" if seconds is None else f"for {seconds:g} seconds"
        console.print(f"\nFollowing {until}. The emulator invokes both functions within 10 s of each full minute, UTC.")
        try:
            follow(account, console, queue, seconds)
        except KeyboardInterrupt:
            console.print("Ending.")


def leave(number: int, _: FrameType | None) -> None:
    """Exit as on an error, so that everything is cleaned up."""
    sys.exit(128 + number)


def some_clusters(edge: datetime) -> tuple[Cluster, ...]:
    """Clusters to which something happens at the edge, and some to which nothing does."""
    return (
        Cluster("closing", window(edge - 2 * HOUR, edge)),
        Cluster("opening", window(edge, edge + 2 * HOUR), engine="aurora-mysql", stopped=True),
        Cluster("next", window(edge - 2 * HOUR, edge + timedelta(minutes=2))),
        # Somebody is connected to it until its grace is over.
        Cluster("in-use", f"{window(edge - 2 * HOUR, edge)} grace=3m", used="always"),
        Cluster("keep-down", "never"),
        Cluster("typo", "mno-fri 08:00-18:00"),
        Cluster("untagged", None, used="mon-fri 08:00-18:00 UTC"),
        # For what people do by hand.
        Cluster("evening", window(edge - 3 * HOUR, edge - HOUR), stopped=True),
        Cluster("noon", window(edge - 2 * HOUR, edge + 2 * HOUR)),
        Cluster("weekend", "mon-fri 08:00-18:00 Europe/Berlin"),
    )


def commands(account: Account) -> tuple[str, ...]:
    """Commands to type, and what they show. Each names the endpoint, so it can't reach a real account."""
    aws = f"aws --endpoint-url {account.endpoint} --region {REGION}"
    resource = f"--resource-name arn:aws:rds:{REGION}:{ACCOUNT}:cluster"

    def invoke(function: str, event: str) -> str:
        # The only way to pass a payload that both versions of the AWS CLI take.
        sent = "--payload fileb:///dev/stdin /dev/stdout"
        return f"echo '{event}' | {aws} lambda invoke --function-name {function} {sent}"

    return (
        "export AWS_ACCESS_KEY_ID=you AWS_SECRET_ACCESS_KEY=local AWS_PAGER=",
        "# list the clusters",
        f"{aws} rds describe-db-clusters --query 'DBClusters[].[DBClusterIdentifier,Status]' --output text",
        "# ask for a tag for an untagged one, from its connections",
        invoke("aurora-office-hours-report", '{"suggest": true}'),
        "# tag it: the next run stops it",
        f"{aws} rds add-tags-to-resource {resource}:untagged --tags Key=office-hours,Value=never",
        "# start one outside its hours: it runs for two minutes",
        invoke(START, '{"clusters": ["keep-down"], "until": "2m"}'),
        "# once it runs, stop one in RDS itself: it stays stopped, since you did it",
        f"{aws} rds stop-db-cluster --db-cluster-identifier opening --query DBCluster.Status",
        "# give one back to its schedule in a minute",
        invoke(STOP, '{"clusters": ["noon"], "until": "1m"}'),
        "# misspell two names: both are reported",
        invoke(STOP, '{"clusters": ["openin", "weekday"]}'),
        "# ask a function what it would do now",
        invoke(STOP, '{"dry_run": true}'),
        "# ask what a tag means",
        invoke("aurora-office-hours-status", '{"explain": "mon-fri 08:00-18:00 Europe/Berlin holidays=DE"}'),
        "# read its log",
        f"{aws} logs filter-log-events --log-group-name /aws/lambda/{STOP} --query 'events[].message' --output text",
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (LocalError, BotoCoreError, ClientError) as error:
        sys.exit(str(error))
