"""Paint pictures of any size: as the network does in one piece, but for rounding, or in tiles by sampled moments."""
