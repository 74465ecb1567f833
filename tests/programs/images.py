"""Registration of images: bilinear interpolation with integer indices, optical flow, blurring, Canny's gradients."""

import numpy as np

ROWS, COLUMNS = np.mgrid[0:6, 0:6].astype(float)
IMAGE = np.sin(0.7 * ROWS) * np.cos(0.5 * COLUMNS) + 0.1 * ROWS
KERNEL = np.array([0.25, 0.5, 0.25])


def bilinear(image, y, x):
    y, x = np.clip(y, 0, image.shape[0] - 1), np.clip(x, 0, image.shape[1] - 1)
    y0 = np.minimum(np.floor(y).astype(int), image.shape[0] - 2)
    x0 = np.minimum(np.floor(x).astype(int), image.shape[1] - 2)
    dy, dx = y - y0, x - x0
    top = image[y0, x0] * (1 - dx) + image[y0, x0 + 1] * dx
    bottom = image[y0 + 1, x0] * (1 - dx) + image[y0 + 1, x0 + 1] * dx
    return top * (1 - dy) + bottom * dy


def registration(warp):
    """Squared differences after an affine warp about the centre."""
    angle, zoom, down, right = warp
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    y, x = ROWS - 2.5, COLUMNS - 2.5
    moved = bilinear(IMAGE, cos * y - sin * x + 2.5 + down, sin * y + cos * x + 2.5 + right)
    return np.mean((moved - IMAGE[::-1].T) ** 2)


def blur(image):
    """Separable convolution with reflected borders."""
    for axis in (0, 1):
        padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=axis)
        image = windows @ KERNEL
    return image


def edges(image):
    """Edginess of a blurred image, as in the first half of Canny's detector."""
    smooth = np.apply_along_axis(np.convolve, 1, image, KERNEL, mode="same")
    gy, gx = np.gradient(smooth)
    magnitude = np.hypot(gy, gx)
    direction = np.arctan2(gy, gx)
    return np.sum(magnitude[1:-1, 1:-1] * np.cos(direction[1:-1, 1:-1]) ** 2) + np.sum(blur(image) ** 2)


WARP = np.array([0.13, 0.94, 0.21, -0.17])
SMALL = IMAGE[:4, :4] + 0.05 * ROWS[:4, :4] ** 2
