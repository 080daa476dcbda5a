"""`fashionlab report`: a run or a study as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Argument(metavar="RUN|STUDY", help="The folder of a run or of a study.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Write the report of a run or a study.

    A run gets report.html, model_card.md, sample_predictions.txt and figures/; the page opens from disk.
    """
    from importlib import import_module
    from multiprocessing import get_context
    from signal import SIG_IGN, SIGINT, signal

    # The process that helps with a run's figures starts before anything large is imported, and imports meanwhile.
    # Ctrl-C is for this process alone.
    with get_context("spawn").Pool(1, signal, (SIGINT, SIG_IGN)) as helper:
        helper.apply_async(import_module, ("fashionlab.report.figures",))
        from fashionlab.studies.folder import StudyFolder

        if StudyFolder(folder).settings.is_file():
            from fashionlab.report.study_page import write_study_page

            page = write_study_page(folder)
        else:
            from fashionlab.report.page import write_report

            page = write_report(folder, data_dir=data_dir, device=device, helper=helper)
    print(page)
