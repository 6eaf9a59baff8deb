"""The environment that modules read when they are imported: the functions' as they are deployed, and the CDK's.

Nothing in it leads to anybody's AWS account.
"""

import os

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["POWERTOOLS_SERVICE_NAME"] = "aurora-office-hours"
# cdk-nag and CloudFormation's own validation take most of a synthesis: `make lint` asks for them.
os.environ["CDK_VALIDATION"] = "false"
