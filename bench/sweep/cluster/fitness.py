"""Decide on a node whether it can execute a block as the head would; describe the node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from bench import provenance, registry
from bench.config import checks, user_files
from bench.config.errors import ConfigError
from bench.config.schema import RunConfig
from bench.data import copies
from bench.data.datasets import SYNTHETIC, DatasetSettings
from bench.data.errors import DatasetError
from bench.files import FileError
from bench.machine import facts, lock
from bench.sweep.cluster.messages import BlockRequest, NodeFacts
from bench.sweep.cluster.requests import without_machine


class UnfitError(Exception):
    """This node can't execute the block as the head would; the message says why."""


def check(request: BlockRequest, sent: Path) -> list[RunConfig]:
    """Check that this node can execute a block.

    Args:
        request: the block.
        sent: the folder of the datasets that the head has sent.

    Returns:
        The configurations, with datasets that this node has.

    Raises:
        UnfitError: cores, instructions, code, libraries or the dataset are not as needed.
    """
    if problems := _problems(request):
        raise UnfitError("; ".join(problems))
    if not request.allow_mixed and (found := _differences(request)):
        raise UnfitError("; ".join(found))
    datasets = {each: _provide(each, sent) for each in {each.dataset for each in request.configs}}
    return [
        msgspec.structs.replace(config, dataset=datasets[config.dataset][0])
        for config in request.configs
    ]


def examine(request: BlockRequest, sent: Path) -> NodeFacts:
    """Describe this node; the dataset is kept here if the head has sent it."""
    problems = _problems(request)
    differences = _differences(request)
    if not request.allow_mixed:
        problems += differences
    dataset = ""
    try:
        places = {_provide(each, sent)[1] for each in {each.dataset for each in request.configs}}
        dataset = ", ".join(sorted(places))
    except UnfitError as error:
        problems.append(str(error))
    if (niceness := os.nice(0)) > 0:
        problems.append(
            f"niceness {niceness}: runs wait for other processes; start this node's daemon of Ray "
            "or SLURM with the ordinary priority"
        )
    state: Literal["free", "held", "unusable"] = "unusable"
    try:
        state = "held" if lock.is_held() else "free"
    except lock.LockError as error:
        problems.append(str(error))
    return NodeFacts(
        n_cores=len(facts.usable_cores()),
        processor=facts.cpu_model(),
        same_code=not differences,
        dataset=dataset,
        lock=state,
        problems=tuple(problems),
    )


def _problems(request: BlockRequest) -> list[str]:
    """Find modules, cores and instructions that are missing here, in words."""
    try:
        user_folder = user_files.find_user_folder(request.user_folder)
        registry.use_plugin_folders(user_files.plugin_folders(user_folder))
        for config in request.configs:
            checks.check_on_node(config)
    except ConfigError as error:
        return [str(error)]
    return []


def _differences(request: BlockRequest) -> list[str]:
    """Return what differs from the head, with the implementations that it concerns."""
    implementations: dict[str, dict[str, None]] = {}
    for config, code in zip(request.configs, request.code, strict=True):
        if config.implementation.module not in registry.modules():
            continue  # a problem of its own
        here = without_machine(provenance.code_fingerprint(config))
        for difference in provenance.differences(without_machine(code), here):
            implementations.setdefault(difference, {})[config.implementation.name] = None
    return [f"{', '.join(names)}: {difference}" for difference, names in implementations.items()]


def _provide(settings: DatasetSettings, sent: Path) -> tuple[DatasetSettings, str]:
    """Return the settings of a dataset that is here, and where; keep the sent one if needed.

    Raises:
        UnfitError: the dataset is neither here nor sent.
    """
    if settings.name == SYNTHETIC:
        return settings, SYNTHETIC
    if folder := copies.find(settings):
        return settings, str(folder)
    try:
        kept = copies.keep(settings, sent / settings.name)
    except (DatasetError, FileError) as error:
        raise UnfitError(f"no dataset: {error}") from error
    return kept, "sent"
