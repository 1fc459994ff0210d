"""`pipeline bench`: side-by-side benchmarks against peers, each of which first shows that it does the same work."""
