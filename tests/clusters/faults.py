"""What can happen to a node while it executes a block."""

from __future__ import annotations

import re
import signal

from tests.clusters.processes import MAX_WAIT_SECONDS, NODE_PROCESS, command_of, parents_of, send
from tests.clusters.ray import RAY_WORKER
from tests.clusters.slurm import STEP
from tests.processes import is_running, wait_for

RUNS = "bench.process.fork_server"
DAEMON = re.compile(r"^slurmd\0|/raylet\0")


def node_processes(cluster, node):
    """Return the processes of a node that execute a block each."""
    return [pid for pid in cluster.workers_on(node) if NODE_PROCESS in command_of(pid)]


def busy_nodes(cluster):
    """Return the nodes with a process for runs."""
    workers = {node: map(command_of, cluster.workers_on(node)) for node in cluster.nodes}
    return [node for node, words in workers.items() if any(RUNS in each for each in words)]


def kill_node(cluster, node):
    """Kill all processes of a node, as a power failure would."""
    send(signal.SIGKILL, cluster.daemons_on(node))
    while pids := cluster.workers_on(node):
        send(signal.SIGKILL, pids)


def kill_daemon(cluster, node):
    """Kill slurmd or raylet, and nothing else."""
    daemons = [p for p in cluster.daemons_on(node) if DAEMON.search(command_of(p))]
    assert daemons
    send(signal.SIGKILL, daemons)


def kill_worker(cluster, node):
    """Kill the process that executes a block, and nothing else."""
    send(signal.SIGKILL, node_processes(cluster, node))


def kill_step(cluster, node):
    """Kill slurmstepd, which supervises the processes of a job."""
    send(signal.SIGKILL, parents_of(node_processes(cluster, node), STEP))


def kill_ray_worker(cluster, node):
    """Kill the worker of Ray, which has started the process that executes a block."""
    send(signal.SIGKILL, parents_of(node_processes(cluster, node), RAY_WORKER))


def cancel_jobs(cluster, node):
    """Cancel all running jobs of SLURM."""
    cluster.cancel()


def requeue_jobs(cluster, node):
    """Requeue all running jobs of SLURM."""
    cluster.requeue()


def freeze_node(cluster, node, is_over):
    """Stop a node until `is_over()`; then let its block end before its daemons go on."""
    workers, daemons = cluster.workers_on(node), cluster.daemons_on(node)
    executing = node_processes(cluster, node)
    try:
        send(signal.SIGSTOP, [*daemons, *workers])
        wait_for(is_over, MAX_WAIT_SECONDS)
        send(signal.SIGCONT, workers)
        wait_for(lambda: not any(map(is_running, executing)), MAX_WAIT_SECONDS)
    finally:
        send(signal.SIGCONT, [*workers, *daemons])


COMMON = {
    "nodes killed": kill_node,
    "slurmd or raylet killed": kill_daemon,
    "workers killed": kill_worker,
    "nodes frozen": freeze_node,
}
FAULTS = {
    "slurm": COMMON | {
        "slurmstepd killed": kill_step, "jobs cancelled": cancel_jobs, "jobs requeued": requeue_jobs
    },
    "ray": COMMON | {"Ray workers killed": kill_ray_worker},
}  # fmt: skip
