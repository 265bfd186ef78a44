"""Real clusters of two nodes on this machine's loopback interface, and sweeps on them."""
