"""The tour: a notebook beside the sample logs, kept without outputs, that runs from a clean kernel."""

from __future__ import annotations

import os
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

SAMPLES = Path(__file__).parent.parent / "sample_logs"
TOUR = SAMPLES / "tour.ipynb"
PICTURES = ("heatmap()", "timeline()", "diagnosis.plot(", "plot.bar(")


def cells(tour: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the cells with code."""
    return [cell for cell in tour.cells if cell.cell_type == "code"]


def test_the_tour_is_kept_without_outputs() -> None:
    """The repository holds no output, no count of runs and nothing of the machine it was written on."""
    tour = nbformat.read(TOUR, as_version=4)
    nbformat.validate(tour)
    assert all(cell.outputs == [] and cell.execution_count is None and cell.metadata == {} for cell in cells(tour))
    assert set(tour.metadata) == {"kernelspec", "language_info"}
    assert set(tour.metadata.language_info) == {"name"}
    assert 8 <= len(cells(tour)) <= 14


@pytest.fixture(scope="module")
def run() -> nbformat.NotebookNode:
    """The tour, run from a clean kernel; it takes less than a minute."""
    tour = nbformat.read(TOUR, as_version=4)
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # the kernel's own shows pictures in the page
        patch.setenv("PYTHONPATH", os.pathsep.join([str(SAMPLES.parent), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("PYTHONWARNINGS", "error::UserWarning:cdnlog")
        NotebookClient(tour, timeout=120, resources={"metadata": {"path": str(SAMPLES)}}).execute()
    assert time.monotonic() - began < 60
    return tour


def said(run: nbformat.NotebookNode, kind: str) -> list[str]:
    """Return all outputs of one kind."""
    return [one.data[kind] for cell in cells(run) for one in cell.outputs if kind in one.get("data", {})]


def test_the_tour_ends_where_it_says(run: nbformat.NotebookNode) -> None:
    """From which domain hurts to which clients were limited wrongly: as many as were planted."""
    text = "".join(one.text for cell in cells(run) for one in cell.outputs if one.output_type == "stream")
    assert "462 requests from 12 shared addresses were refused wrongly." in text
    assert "A limit of 24 a second" in text
    assert not any(one.get("name") == "stderr" for cell in cells(run) for one in cell.outputs)


def test_the_tour_shows_cards_and_pictures(run: nbformat.NotebookNode) -> None:
    """Every picture is one, results are cards, and no cell ends in the text of an object."""
    drawn = [cell for cell in cells(run) if any(word in cell.source for word in PICTURES)]
    assert len(drawn) == len(said(run, "image/png")) == len(PICTURES)
    assert sum('<div class="cdnlog">' in page for page in said(run, "text/html")) == 3
    for cell in cells(run):
        for one in cell.outputs:
            assert one.output_type != "execute_result" or "text/html" in one.data
