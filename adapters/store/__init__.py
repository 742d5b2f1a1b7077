"""Tables, set-wise loads and writes, message log: everything that meets SQL (spec 06.1)."""
