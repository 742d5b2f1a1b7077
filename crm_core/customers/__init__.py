"""Customers and their accounts (spec 03)."""
