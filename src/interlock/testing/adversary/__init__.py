"""Tricks that agents try, as data, and how to tell from facts what became of each."""
