"""How a service's processes start, answer, report and stop: the same for every service."""
