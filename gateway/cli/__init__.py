"""The `bssgw` commands."""
