"""The datasets: locate, download, verify, parse and split."""
