"""Comparisons of one n-style network with n single-style networks: training all alike, and measuring the gap."""
