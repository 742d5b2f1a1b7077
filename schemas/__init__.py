"""The vocabulary of the interface: messages, layouts, envelopes, code tables, schemas and samples, as data with one loader."""
