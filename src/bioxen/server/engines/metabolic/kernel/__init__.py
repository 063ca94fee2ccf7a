"""The speed kernel: a bounded simplex that starts every request from one dense, canonical tableau.

compiled            numba, and where compiled code is kept
tableau             T = B⁻¹N of the base optimum, built once for a model
state               where a request stands: the tableau plus one rank-one correction for each pivot
dual, primal        the two simplex methods
simplex             their order: first feasible, then optimal
folding, proof      from a request's bounds to the reduced problem, and from its optimum to a certificate
batch, extremes     many bounds, many objectives

Nothing is kept between requests, so an answer depends on its request alone. Nothing here decides that an
answer counts: `solver` does, by its certificate, and has HiGHS where the kernel gives up.
"""
