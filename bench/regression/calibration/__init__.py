"""Error rates of `bench-compare`, by resampling measured pairs."""
