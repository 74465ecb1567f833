"""Distribution functions of ``scipy.special``."""
