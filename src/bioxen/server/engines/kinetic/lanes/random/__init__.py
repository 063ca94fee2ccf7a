"""Random numbers: a function of a seed, a stream and a counter, and what distributions make of them."""
