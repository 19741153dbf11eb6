"""Figures of a study: each a function of its data that returns a Plotly figure."""
