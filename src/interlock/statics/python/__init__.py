"""Static analysis of Python: twin, mutants, freeze, forgery findings."""
