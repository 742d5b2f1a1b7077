"""Billing notices and their results (spec 5.4, 05.3)."""
