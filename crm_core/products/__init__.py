"""Product specifications, processes and product instances (spec 03, 04.6)."""
