"""Why there is no layout, what would help, and why a device sits where it does."""
