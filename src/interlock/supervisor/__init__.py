"""Launches, adopts and ends sessions. Kept light: the toolhost lives below it."""
