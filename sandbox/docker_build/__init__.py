"""Docker on this machine and Pulumi's provider for it, stood in for: builds the user's folder, pushes by login."""
