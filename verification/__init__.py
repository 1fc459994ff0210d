"""How the claims are proven: load with an oracle, an independent reader of the log, a reconciler, and the demo's story."""
