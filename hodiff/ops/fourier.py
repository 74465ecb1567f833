"""The discrete Fourier transforms of ``numpy.fft``."""
