"""Starts, supervises and stops what the order pipeline runs on: Kafka, a schema registry, PostgreSQL and the services."""
