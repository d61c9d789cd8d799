"""The simulated AWS: one account, its resource types, and the services that deployed code and clients call."""
