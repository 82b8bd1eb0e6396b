"""What has a budget, measured: ``python -m bench [NAME…]``.

One file per measurement. Everything of one measurement happens in interleaved rounds of one run,
because on a shared machine only ratios of neighbours say something; figures are medians.
"""
