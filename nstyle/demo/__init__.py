"""The demo: paint with the shipped model, train two small ones, and show everything on one page."""
