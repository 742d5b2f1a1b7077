"""Scheme design: requests, versions with their options, confirmation (spec 5.2)."""
