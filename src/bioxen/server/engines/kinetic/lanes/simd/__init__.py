"""What the drivers are written in: vectors of lanes, calls to generated code, a cache of compiled code."""
