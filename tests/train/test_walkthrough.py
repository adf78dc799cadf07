from pathlib import Path

import nbclient
import nbformat
import pytest


@pytest.fixture
def notebook(repository: Path) -> nbformat.NotebookNode:
    return nbformat.read(repository / "train" / "walkthrough.ipynb", as_version=4)


def test_the_notebook_is_kept_without_outputs(notebook: nbformat.NotebookNode):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 10
    assert not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_to_its_end(
    notebook: nbformat.NotebookNode, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("READOUT_SAMPLE", "600")
    monkeypatch.setenv("READOUT_DATA", "builtin")
    monkeypatch.setenv("READOUT_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    client = nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(repository / "train")}})
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    printed = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert len(pictures) == 6
    assert "0 writers or fonts in training and in validation" in printed
    assert "of 600 right" in printed
    assert "model.keras" in printed
    assert "written: " in printed
