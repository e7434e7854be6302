"""One n-style network against n single-style networks: training both alike, and measuring the gap."""
