"""The Google services that nodes need. `up` enables them, and `pnodes doctor` checks them."""

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
