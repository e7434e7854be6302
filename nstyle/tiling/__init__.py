"""Paint pictures of any size: like the network in one piece, except for rounding, or in tiles with sampled moments."""
