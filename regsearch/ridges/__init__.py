"""Histograms drawn over each other on a page: how they are packed, and the scripts that draw them.

A trial's own page and a study's report show the same thing, so both take it from here.
"""
