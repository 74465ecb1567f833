"""Options: Black and Scholes (1973), Heston (1993) by its characteristic function, and a binomial tree."""

import numpy as np
from scipy.special import ndtr

STRIKES = np.array([80.0, 100.0, 120.0])
PRICES = np.array([24.0, 10.5, 4.0])
U = np.linspace(0.0, 30.0, 61)


def black_scholes(market):
    spot, rate, volatility, maturity = market
    root = volatility * np.sqrt(maturity)
    d1 = (np.log(spot / STRIKES) + (rate + volatility**2 / 2) * maturity) / root
    calls = spot * ndtr(d1) - STRIKES * np.exp(-rate * maturity) * ndtr(d1 - root)
    return np.sum((calls - PRICES) ** 2)


def heston_characteristic(u, v0, kappa, theta, sigma, rho, maturity):
    """Of the logarithm of the forward price, in the form without branch cuts (Albrecher et al. 2007)."""
    b = kappa - 1j * rho * sigma * u
    d = np.sqrt(b**2 + sigma**2 * (u**2 + 1j * u))
    g = (b - d) / (b + d)
    decay = np.exp(-d * maturity)
    C = kappa * theta / sigma**2 * ((b - d) * maturity - 2 * np.log((1 - g * decay) / (1 - g)))
    D = (b - d) / sigma**2 * (1 - decay) / (1 - g * decay)
    return np.exp(C + D * v0)


def heston(model):
    """Squared error of calls by Lewis's integral."""
    v0, kappa, theta, sigma, rho = model
    phi = heston_characteristic(U - 0.5j, v0, kappa, theta, sigma, rho, 1.0)
    k = np.log(100.0 / STRIKES)
    integrand = np.real(np.exp(1j * U * k[:, None]) * phi) / (U**2 + 0.25)
    calls = 100.0 - np.sqrt(100.0 * STRIKES) / np.pi * np.trapezoid(integrand, U, axis=1)
    return np.mean((calls / PRICES - 1) ** 2)


def american_put(market, steps=6):
    """Cox, Ross and Rubinstein's tree, where the option is exercised as soon as that is worth more."""
    spot, rate, volatility = market
    dt = 1.0 / steps
    up = np.exp(volatility * np.sqrt(dt))
    p = (np.exp(rate * dt) - 1 / up) / (up - 1 / up)
    prices = spot * up ** np.arange(-steps, steps + 1, 2)
    value = np.maximum(100.0 - prices, 0.0)
    for n in range(steps - 1, -1, -1):
        prices = spot * up ** np.arange(-n, n + 1, 2)
        value = np.exp(-rate * dt) * (p * value[1:] + (1 - p) * value[:-1])
        value = np.maximum(value, 100.0 - prices)
    return value[0]


MARKET = np.array([101.0, 0.03, 0.25, 0.9])
MODEL = np.array([0.05, 1.5, 0.06, 0.4, -0.6])
PUT = np.array([97.0, 0.05, 0.3])
