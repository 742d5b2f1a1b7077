"""What people do and ask: records, orders, messages, links, requests, reconciliation (spec 06.1 promise 6, 06.2, 06.3)."""
