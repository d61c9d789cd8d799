"""Stand-in for Azure: resource types of azure-native, and the services' own protocols under their own host names."""
