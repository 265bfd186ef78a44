"""Facts about this machine, what processes use of it, and the machine-wide lock."""
