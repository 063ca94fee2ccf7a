"""Events as SBML wants them, in one lane at a time: for the integrators and the stochastic drivers alike."""
