"""Implementations of the ports; the engine never imports them."""
