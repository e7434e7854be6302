"""Paint pictures layer by layer in strips: fast, in little memory, and equal to the network in one piece."""
