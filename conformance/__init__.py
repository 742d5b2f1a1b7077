"""The suite that judges a system under test from outside (spec 07)."""
