"""What is asked for: guests, their devices, and whether the parts of a request agree."""
