"""The environment that modules read when they are imported: the functions' as they are deployed, and the CDK's."""

import os

os.environ["POWERTOOLS_SERVICE_NAME"] = "aurora-office-hours"
# cdk-nag and CloudFormation's own validation take most of a synthesis: `make lint` asks for them.
os.environ["CDK_VALIDATION"] = "false"
