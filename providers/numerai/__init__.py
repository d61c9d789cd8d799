"""Access to Numerai's API through numerapi: the client, the keys, the model look-up and the webhook resource."""
