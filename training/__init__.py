"""Training: fit candidates, evaluate the best on frozen rows, package it, gate it, register it with its bundle."""
