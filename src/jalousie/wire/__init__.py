"""Messages between places."""
