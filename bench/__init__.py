"""
Measures Regatta beside its peers and writes the figures down; `make bench` runs it.

A workload (`workloads/`) arranges registries and lets tools (`tools/`) do the same work on them. What runs
inside a measured process is in `children/`. Nothing here is part of the product.
"""
