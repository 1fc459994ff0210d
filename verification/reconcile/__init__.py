"""Joins what the services' databases say with what stands in the log, and names every row that cannot be explained."""
