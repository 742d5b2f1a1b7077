"""Customer orders, service orders and their items: machines and use cases (spec 04, 5.4)."""
