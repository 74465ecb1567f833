"""Wave optics by Fourier transforms (Goodman, Introduction to Fourier Optics, 2005, chapters 4-6)."""

import numpy as np

N = 8
Y, X = np.mgrid[-1 : 1 : N * 1j, -1 : 1 : N * 1j]
RHO2 = X**2 + Y**2
PUPIL = (RHO2 <= 1.0).astype(float)


def point_spread_function(zernike):
    defocus, astigmatism, coma = zernike
    phase = defocus * (2 * RHO2 - 1) + astigmatism * (X**2 - Y**2) + coma * (3 * RHO2 - 2) * X
    field = np.zeros((2 * N, 2 * N), dtype=complex, like=phase)
    field[:N, :N] = PUPIL * np.exp(1j * phase)
    amplitude = np.fft.fftshift(np.fft.fft2(field))
    intensity = np.abs(amplitude) ** 2
    return intensity / intensity.sum()


def sharpness(zernike):
    """Sum of squares of the image of a point: greatest without aberrations."""
    return (point_spread_function(zernike) ** 2).sum()


def contrast(zernike):
    """Modulation transfer at one spatial frequency."""
    otf = np.fft.rfft2(np.fft.ifftshift(point_spread_function(zernike)))
    return np.abs(otf[1, 2]) / np.abs(otf[0, 0]) + otf[2, 1].real


def propagate(field, distance, spacing=0.2, wavelength=0.5):
    """Fresnel propagation with the transfer function in the spectrum."""
    f = np.fft.fftfreq(field.shape[-1], spacing)
    transfer = np.exp(-1j * np.pi * wavelength * distance * (f[:, None] ** 2 + f**2))
    return np.fft.ifft2(np.fft.fft2(field) * transfer)


def focus(phase):
    """Share of the light in the middle, behind a phase mask and a second one made from the first."""
    beam = np.exp(-2 * RHO2)
    field = beam * np.exp(1j * phase)
    field = propagate(field, 1.5)
    field = field * np.exp(-0.5j * phase.T)
    image = np.abs(propagate(field, 2.0)) ** 2
    return image[3:5, 3:5].sum() / image.sum()


ZERNIKE = np.array([0.4, -0.3, 0.2])
PHASE = 0.3 * np.cos(2.0 * X + Y) + 0.1 * X * Y
