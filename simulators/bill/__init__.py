"""Simulated billing (BILL): charging intervals per product instance."""
