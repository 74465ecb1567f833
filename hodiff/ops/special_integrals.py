"""Exponential, trigonometric and Fresnel integrals, and what else has a closed form."""
