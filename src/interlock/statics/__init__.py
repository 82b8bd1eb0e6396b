"""Pure analysis of source text, one room per language."""
