"""Factorisations of matrices without symmetry: qr, eig, eigvals."""
