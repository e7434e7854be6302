"""The first minute: paint, really train, and show it all on one page."""
