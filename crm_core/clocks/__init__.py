"""Work calendars, limits and alerts of orders, what stops them and what is left of them (spec 04.5); pure."""
