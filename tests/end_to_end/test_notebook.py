"""The notebook runs in its small setting, is what its script makes, and is kept with the output of a full run."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
SCRIPT, NOTEBOOK = FOLDER / "fashion_mnist.py", FOLDER / "fashion_mnist.ipynb"


def _texts(notebook: nbformat.NotebookNode) -> str:
    """All that the cells print and show, as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text", "") + output.get("data", {}).get("text/markdown", "") for output in outputs)


def _errors(notebook: nbformat.NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [str(output) for output in outputs
            if output.output_type == "error" or output.get("name") == "stderr"]


@pytest.mark.slow
def test_every_cell_runs(toy_data, tmp_path, monkeypatch):
    monkeypatch.setenv("FASHIONLAB_NOTEBOOK", "small")
    monkeypatch.setenv("FASHIONLAB_NOTEBOOK_DATASET", str(toy_data))
    notebook = jupytext.read(SCRIPT)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = _texts(notebook)
    assert not _errors(notebook)
    assert "small setting" in said
    assert "test pictures" in said and "points (95 % interval" in said
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"perceptron", "convolutional"}
    pictures = [output for cell in notebook.cells for output in cell.get("outputs", [])
                if "image/png" in output.get("data", {})]
    assert len(pictures) >= 10


def test_the_notebook_is_what_the_script_makes():
    script, notebook = jupytext.read(SCRIPT), nbformat.read(NOTEBOOK, as_version=4)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells], "make it again with `make notebook`"


def test_the_notebook_holds_the_output_of_a_full_run():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run it with `make notebook`"
    assert not _errors(notebook)
    assert "full setting" in _texts(notebook)
    assert NOTEBOOK.stat().st_size < 5_000_000
