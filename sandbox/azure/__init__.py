"""The simulated Azure: resource types of azure-native, and the services' protocols under their own host names."""
