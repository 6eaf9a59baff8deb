"""What there is to see of the tagged clusters in all Regions, for the functions that only look."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from office_hours import rds
from office_hours.command import Cluster
from office_hours.event_log import add
from office_hours.run import Failure, Job, Order, Outcomes, clients_of, do, jobs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import EventTypeDef


@dataclass
class Region:
    """What a Region's RDS tells.

    clusters: the tagged ones.
    events: each cluster's, by its identifier; None where they could not be read.
    classes: each instance's class, by its identifier.
    """

    clusters: list[Cluster] = field(default_factory=list)
    events: "dict[str, list[EventTypeDef]] | None" = None
    classes: dict[str, str] = field(default_factory=dict)


def survey(order: Order, since: datetime, share: float = 1.0) -> "tuple[dict[RDSClient, Region], list[Failure]]":
    """Look at all Regions side by side; in each, at the clusters, the events from `since` on, and the instances.

    share: of the time that is left, what it may take.

    Returns what failed as well: what one call did not tell, the others may.
    """
    outcomes: Outcomes = []
    regions = {client: Region() for client in clients_of(order, outcomes)}

    def keep(region: Region, cluster: Cluster) -> None:
        if cluster.tags:
            region.clusters.append(cluster)

    def read_events(client: "RDSClient") -> None:
        events = defaultdict[str, "list[EventTypeDef]"](list)
        for page in rds.all_events(client, since, order.now):
            add(page, events)
        regions[client].events = events

    def read_instances(client: "RDSClient") -> None:
        for instance in rds.instances(client):
            regions[client].classes[instance.get("DBInstanceIdentifier", "")] = instance.get("DBInstanceClass", "")

    jobs: Mapping[RDSClient, Iterable[Job]] = {
        client: itertools.chain(
            (("events", partial(read_events, client)), ("instances", partial(read_instances, client))),
            jobs_of(order, client, partial(keep, region), outcomes),
        )
        for client, region in regions.items()
    }
    do(order, jobs, outcomes, share)
    return regions, [outcome for outcome in outcomes if isinstance(outcome, Failure)]
