"""Studies over many members: which members there are, and what follows from all of them.

Nothing here simulates, and no engine library is imported: a worker uses this beside its engine, and the
service uses it to draw the conclusions over shards. What simulates is `kinetic.members.run_members`.

designs   the members of an ensemble, a scan, a global sensitivity analysis
block     members in arrays, and how they are written and read
features  scalar features of time courses
swings    oscillations in a time course
summary   mean, standard deviation, quantiles and histograms over members
indices   Sobol indices and Morris's effects, by SALib
conclude  what a request reports
"""
