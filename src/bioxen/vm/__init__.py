"""Virtual cells: light, without an engine, and what they share.

::

    lifecycle   which state leads where (pure)        resources   who holds what (pure)
    edits       how a cell differs from its chassis   scheduling  who runs next (pure, and its threads)
    requests    cell + code + context → request       cache       a cell's last results
    describe    result → one line with units          symbolic    what would have been computed, and why not
    execution   routes a process for a cell           config      what a cell may be told at its making
    cell        the cell                              factory     makes cells
    hypervisor  many cells together                   hosts       local() and connect()
"""
