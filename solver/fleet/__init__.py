"""Many guests: each form of guest is solved once, by whatever workers there are."""
