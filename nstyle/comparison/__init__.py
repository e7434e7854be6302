"""Comparisons of one n-style network with n single-style networks: training all of them alike, and measuring the gap."""
