"""Orders: takes them, prices them, and follows each to COMPLETED or FAILED."""
