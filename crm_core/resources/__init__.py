"""The CRM's view of reservations: what it holds at resource management and until when (spec 04.7)."""
