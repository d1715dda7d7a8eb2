"""What a request states, fact by fact, and the request that states less."""
