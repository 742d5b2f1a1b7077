"""What a person must look at: fallout records (spec 06.2)."""
