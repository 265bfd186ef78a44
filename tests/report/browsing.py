"""What the tests ask of a report's page in a browser."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: make browser")


def drawn(page, times):
    page.wait_for_function(f"document.documentElement.dataset.drawn >= {times}", timeout=60_000)


def painted(page, selector):
    """How many colours there are on the chart's canvas."""
    return page.eval_on_selector(
        f"{selector} canvas",
        """canvas => new Set(new Uint32Array(canvas.getContext("2d")
               .getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size""",
    )


def column(page, table, heading):
    """The visible cells of a table's column."""
    return page.evaluate(
        """([table, heading]) => {
            const element = document.querySelector(`[aria-label="${table}"] table`);
            const place = [...element.tHead.rows[0].cells]
                .findIndex((cell) => cell.textContent.trim() === heading);
            return [...element.tBodies].flatMap((body) => [...body.rows])
                .filter((row) => !row.hidden && !row.matches(".group"))
                .map((row) => row.cells[place]?.textContent.trim());
        }""",
        [table, heading],
    )


def values(page, chart, condition=0):
    """The rows that a chart draws under a condition."""
    return page.evaluate(
        "([chart, condition]) => document.querySelector("
        "`[data-chart=${chart}][data-condition='${condition}']`).values",
        [chart, condition],
    )


def data_drawn(page, chart):
    """The rows behind the first marks of a chart, after all that was computed of them."""
    return page.evaluate(
        """(chart) => {
            const view = document.querySelector(`[data-chart=${chart}]`).drawn.view;
            const all = (item) => item.mark?.marktype === "rect" && item.datum?.part
                ? [item.datum] : (item.items ?? []).flatMap(all);
            return all(view.scenegraph().root).map(({ part, sum_seconds, seconds }) =>
                ({ part, seconds: sum_seconds ?? seconds }));
        }""",
        chart,
    )


def middle(page, chart):
    """Where the middle of a chart's first symbol is, on its canvas."""
    return page.evaluate(
        """(chart) => {
            const view = document.querySelector(`[data-chart=${chart}]`).drawn.view;
            const search = (item, x, y) => {
                if (item.mark?.role === "mark" && item.mark.marktype === "symbol")
                    return [x + (item.bounds.x1 + item.bounds.x2) / 2,
                            y + (item.bounds.y1 + item.bounds.y2) / 2];
                for (const inner of item.items ?? []) {
                    const found = search(inner, x + (item.x ?? 0), y + (item.y ?? 0));
                    if (found) return found;
                }
            };
            const [x, y] = search(view.scenegraph().root, 0, 0);
            const {left, top} = view.padding();
            return [x + left + view.origin()[0], y + top + view.origin()[1]];
        }""",
        chart,
    )
