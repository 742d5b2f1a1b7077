"""Between two peers: where a document goes, what is handed on, how its answer finds the way back (spec README, 01.2, 06.1)."""
