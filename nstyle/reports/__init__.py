"""Reports of runs: tables, figures and self-contained HTML pages."""
