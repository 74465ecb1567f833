"""Signals on a grid: convolve, correlate, interp, unwrap, diff, gradient, trapezoid."""
