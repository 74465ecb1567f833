"""The methods of ndarray that no NumPy function stands for."""
