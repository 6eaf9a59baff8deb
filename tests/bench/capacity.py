"""How many calls a second the server answers to a client that does next to nothing with them.

`python -m bench.capacity PORT SECONDS` tells it in JSON: for pages of 100 clusters and for look-ups of one cluster's
events, both without latency, and for look-ups at the latency that is measured with.
If that is many more than a measured program ever makes, it is not the server that is measured.
"""

import asyncio
import json
import sys
import time

from bench.measure import Server
from bench.scenario import LATENCY, REGIONS

CONNECTIONS = 16
PAGE = "Action=DescribeDBClusters&Version=2014-10-31&MaxRecords=100"
LOOK_UP = (
    "Action=DescribeEvents&Version=2014-10-31&SourceType=db-cluster&SourceIdentifier=orders-00001"
    "&StartTime=2026-01-01T00%3A00%3A00Z&EndTime=2999-01-01T00%3A00%3A00Z&MaxRecords=100"
)


def main(port: int, seconds: float) -> None:
    """The account is to have at least 100 clusters. The server's latency is left as it was."""
    server = Server(port)
    delayed = asyncio.run(rate(port, LOOK_UP, seconds))
    server.control(latency=0)
    pages, look_ups = (asyncio.run(rate(port, body, seconds)) for body in (PAGE, LOOK_UP))
    server.control(latency=LATENCY)
    json.dump({"pages": pages, "look_ups": look_ups, "delayed": delayed}, sys.stdout)


async def rate(port: int, body: str, seconds: float) -> float:
    request = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/{REGIONS[0]}/rds/aws4_request\r\n\r\n{body}"
    ).encode()
    began = time.perf_counter()
    counts = await asyncio.gather(*(_ask(port, request, began + seconds) for _ in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began)


async def _ask(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    count = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]))
        count += 1
    writer.close()
    await writer.wait_closed()
    return count


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
