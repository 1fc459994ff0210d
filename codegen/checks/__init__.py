"""What is wrong with schemas: rules, faults, findings, and how they are told."""
