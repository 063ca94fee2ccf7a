"""Kinetic models as native code that computes one ensemble member per SIMD lane.

SBML → `content` (what the model says) → `scope` (each symbol as an expression) → `system` (rates, fluxes,
events) → `graph` (expressions, each once) → `emit` and `vectormath` (LLVM IR) → `native` (machine code) →
`program` (addresses and arrays, for the drivers in `ode` and `ssa`).
"""
