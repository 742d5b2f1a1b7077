"""Stories: what happens to orders between all systems, told as data, played in a simulated world, drawn (spec 06.5)."""
