"""The schema registry: its API, bringing it in step, its wire format."""
