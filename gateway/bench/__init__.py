"""The measurements behind `bssgw bench`: loads, yardsticks, processes and what they say; nothing of it serves anybody."""
