"""Blocks: runs that are compared with each other, executed in a row on one machine.

A block has all implementations and learning rates of one condition (architecture, batch size,
recipe, device and so on) and one seed.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.config import identity
from bench.config.schema import RunConfig

ID_LENGTH = 8  # hexadecimal digits


@dataclass(frozen=True, kw_only=True)
class Block:
    """Runs of one condition and one seed.

    Attributes:
        block_id: identifies condition and seed, in any sweep.
        configs: the runs in the order of execution, at least one.
    """

    block_id: str
    configs: tuple[RunConfig, ...]


def block_id(config: RunConfig) -> str:
    """Return the id of the block that a run belongs to, such as `block-3f9a2c41`."""
    content = identity.block_content(msgspec.to_builtins(config))
    encoded = msgspec.json.encode(content, order="sorted")
    return f"block-{hashlib.sha256(encoded).hexdigest()[:ID_LENGTH]}"


def group_into_blocks(configs: Sequence[RunConfig]) -> list[Block]:
    """Group the runs of a sweep into blocks.

    The order of the runs in a block is random, so that what changes with time, such as the
    temperature of the processor, favours no implementation. It depends only on the sweep's name and
    the block, so that a continued sweep keeps it.

    Args:
        configs: the runs of one sweep, in the order of the command line.

    Returns:
        The blocks in the order of the command line; with `shuffle_runs` in random order, too.
    """
    by_id: dict[str, list[RunConfig]] = {}
    for config in configs:
        by_id.setdefault(block_id(config), []).append(config)
    blocks = []
    for name, members in by_id.items():
        members.sort(key=lambda config: config.hash)  # for any order of the command line
        random.Random(f"{members[0].sweep_name} {name}").shuffle(members)  # noqa: S311
        blocks.append(Block(block_id=name, configs=tuple(members)))
    if any(config.shuffle_runs for config in configs):
        random.Random(configs[0].sweep_name).shuffle(blocks)  # noqa: S311
    return blocks
