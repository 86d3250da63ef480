"""Inputs and outputs of `vidrec predict`."""
