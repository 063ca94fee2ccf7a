"""One trajectory a thread: the drivers and a model's functions as one module, for a GPU or for the CPU."""
