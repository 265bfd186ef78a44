"""The timed training loop and what it needs: sampling, metrics, FLOP counts, the timer."""
