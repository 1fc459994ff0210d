"""Who uses a field of an event: the code of the services, read with its types."""
