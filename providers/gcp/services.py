"""Google's services that the nodes need: switched on by `up`, looked at by `pnodes doctor`."""

SERVICES = (
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "iam",
    "logging",
    "run",
    "secretmanager",
    "storage",
)
