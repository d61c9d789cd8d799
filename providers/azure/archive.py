"""The trigger's code, packed for Azure Functions. It also runs the nodes' schedules."""

from __future__ import annotations

from trigger.archive import Archive

ARCHIVE = Archive(
    "azure",
    "function_app.py",
    "app",
    ("azure_schedules", "cron", "package"),
    {
        "requirements.txt": "azure-functions\n",
        "host.json": (
            '{"version":"2.0","functionTimeout":"00:01:00","extensions":{"http":{"routePrefix":""}},'
            # Without the levels, the host would log and bill several lines for each tick of the timer.
            '"logging":{"logLevel":{"default":"Warning","Function.webhook.User":"Information",'
            '"Function.schedule.User":"Information","Function.watch.User":"Information"},'
            '"applicationInsights":{"samplingSettings":{"isEnabled":false},'
            # Otherwise Application Insights would log the URL of each request, which contains the webhook's token.
            '"httpAutoCollectionOptions":{"enableHttpTriggerExtendedInfoCollection":false}}}}\n'
        ),
    },
)
