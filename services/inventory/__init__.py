"""Inventory: what there is to sell, and taking from the shelf what was paid for."""
