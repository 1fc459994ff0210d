"""What the contracts say, for people: one page, and an AsyncAPI document."""
