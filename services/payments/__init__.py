"""Payments: charges each order once, and gives the money back where it cannot be delivered."""
