"""The notices of scheduled stops: their topic, and the Slack channel that shows them with buttons.

The channel was synthesized and checked against CloudFormation's schemas, but not tried with Slack. Somebody has to let
Amazon Q Developer in chat applications into the Slack workspace first, once, in its console.
"""

import aws_cdk as cdk
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from permissions import allow, policy
from settings import NAME, StackSettings

# The buttons' texts, by the variable of the notice that says until when they keep clusters up.
_BUTTONS = {"longer": "Keep for 2 hours", "tomorrow": "Keep until tomorrow"}


class Notices(Construct):
    """The topic, which enforces TLS and has no key, like the alarms' topic.

    email: who gets them, after confirming the subscription; empty for nobody.
    """

    def __init__(self, scope: Construct, id_: str, *, email: str) -> None:
        super().__init__(scope, id_)
        self.topic = sns.Topic(
            self, "Topic", topic_name=f"{NAME}-notices", display_name="Aurora Office Hours", enforce_ssl=True
        )
        if email:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))

    def show_in_slack(self, settings: StackSettings, *, start: lambda_.IFunction) -> None:
        """Show the notices in a channel. Its members may invoke the start function to keep clusters up, nothing else.

        https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-actions.html
        """
        may = allow("KeepClustersUp", ["lambda:InvokeFunction"], start.function_arn)
        role = iam.Role(
            self,
            "SlackRole",
            description="Lets people in Slack keep clusters up",
            assumed_by=iam.ServicePrincipal("chatbot.amazonaws.com"),
            inline_policies=policy("invoke", may),
        )
        # Whatever role people in the channel choose, they can do no more than this.
        guardrail = iam.ManagedPolicy(self, "Guardrail", description="What people in Slack may do", statements=[may])
        chatbot.CfnSlackChannelConfiguration(
            self,
            "Slack",
            configuration_name=NAME,
            slack_workspace_id=settings.slack_workspace,
            slack_channel_id=settings.slack_channel,
            iam_role_arn=role.role_arn,
            guardrail_policies=[guardrail.managed_policy_arn],
            sns_topic_arns=[self.topic.topic_arn],
            customization_resource_arns=[self.button(variable, text, start) for variable, text in _BUTTONS.items()],
        )

    def button(self, variable: str, text: str, start: lambda_.IFunction) -> str:
        """Make a button below each notice that has this variable. Returns its ARN."""
        payload = f'{{"clusters": "$clusters", "until": "${variable}"}}'
        command = f"lambda invoke --function-name {start.function_name} --region {cdk.Stack.of(self).region}"
        has_it = chatbot.CfnCustomAction.CustomActionAttachmentCriteriaProperty(
            operator="HAS_VALUE", variable_name=variable
        )
        attachment = chatbot.CfnCustomAction.CustomActionAttachmentProperty(
            notification_type="Custom",
            button_text=text,
            variables={name: f"event.metadata.additionalContext.{name}" for name in ("clusters", variable)},
            criteria=[has_it],
        )
        action = chatbot.CfnCustomAction(
            self,
            f"Button{variable.capitalize()}",
            action_name=f"{NAME}-{text.lower().replace(' ', '-')}",
            definition={"commandText": f"{command} --payload {payload}"},
            attachments=[attachment],
        )
        return action.attr_custom_action_arn
