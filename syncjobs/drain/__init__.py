"""
What a worker does between a doorbell and an empty table of due jobs.

`loop` claims and keeps leases, `ledger` is its SQL, `jobs` runs one job, `clients` shares connections and
limits, `recorder` (one level up) writes what happened. Registries are spoken to in asyncio, the database in
one thread of its own.
"""
