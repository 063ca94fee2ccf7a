"""What the drivers are written in: vectors of lanes, calls to generated code by address, a cache of compiled code."""
