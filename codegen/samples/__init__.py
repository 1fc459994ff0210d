"""Data of a schema: valid ones, and ones that must be refused."""
