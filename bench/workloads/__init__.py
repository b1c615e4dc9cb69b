"""
The workloads by name, in the order in which they run.

A new one is a module with a class that has `name`, `bars` and `measure(workshop)`, and a line here.
"""

from __future__ import annotations

from bench.workloads.api import API
from bench.workloads.copying import LARGE, MEDIUM, NOOP, SMALL, WAN
from bench.workloads.fan_out import FAN_OUT
from bench.workloads.latency import LATENCY
from bench.workloads.pages import PAGES
from bench.workloads.progress import PROGRESS
from bench.workloads.replication import REPLICATION
from bench.workloads.scale_out import SCALE_OUT
from bench.workloads.wide import MILLION, WIDE
from bench.workloads.workload import Workload

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        SMALL,
        MEDIUM,
        LARGE,
        NOOP,
        WAN,
        PROGRESS,
        WIDE,
        MILLION,
        LATENCY,
        REPLICATION,
        SCALE_OUT,
        FAN_OUT,
        PAGES,
        API,
    )
}
