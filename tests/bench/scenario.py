"""What an account that is measured over has in it."""

from dataclasses import dataclass

LATENCY = 0.03  # seconds that each answer takes
REGIONS = (
    *("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-1", "eu-west-2", "eu-west-3"),
    *("eu-north-1", "eu-south-1", "us-east-2", "us-west-1", "ca-central-1", "sa-east-1", "ap-northeast-1"),
    *("ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-2", "me-south-1", "af-south-1"),
)


@dataclass(frozen=True)
class Scenario:
    """What is in the account.

    clusters: how many there are in all, in equal shares in each Region.
    due: how many of them are running and should be stopped.
    regions: how many Regions.
    apart: whether those that are due have closed each at another time, five minutes apart.
    """

    clusters: int
    due: int = 0
    regions: int = 1
    apart: bool = False

    @property
    def told(self) -> str:
        return f"{self.due:,} due{' apart' * self.apart}"
