"""Calibration: how often does `bench-compare` err? Real pairs, evaluated again and again."""
