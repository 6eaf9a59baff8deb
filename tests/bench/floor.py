"""The floor: the least that pages, filters and acts with boto3: without schedules, events or a log."""

from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

THREADS = 16

rds = boto3.client("rds", config=Config(max_pool_connections=THREADS))


def run() -> None:
    pages = rds.get_paginator("describe_db_clusters").paginate(PaginationConfig={"PageSize": 100})
    due = [
        cluster["DBClusterIdentifier"]
        for page in pages
        for cluster in page["DBClusters"]
        if {"Key": "due", "Value": "yes"} in cluster["TagList"]
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda name: rds.stop_db_cluster(DBClusterIdentifier=name), due))
