"""What to try next, and what came of it: a search over penalties and their strengths."""
