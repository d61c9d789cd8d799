"""The simulated Google Cloud: resource handlers, IAM, and the REST APIs that triggers, builds and jobs use."""
