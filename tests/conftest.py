"""The functions' environment as they are deployed, for what they read of it when they are imported."""

import os

os.environ["POWERTOOLS_SERVICE_NAME"] = "aurora-office-hours"
