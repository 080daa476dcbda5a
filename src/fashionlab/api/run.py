"""A run: trained, evaluated, and ready to be asked, drawn, reported and exported."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionlab.api.card import run_card
from fashionlab.api.classifier import Classifier
from fashionlab.api.evaluating import Evaluation
from fashionlab.api.pictures import Pictures
from fashionlab.common.arguments import PathLike, as_list, as_optional_path, as_path, as_text, check_choice
from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.records import SPLITS, Predictions, SplitName
from fashionlab.deploy.prediction import Prediction
from fashionlab.recipes import Recipe
from fashionlab.runs.metrics import Metrics
from fashionlab.runs.results import RunResults, load_results
from fashionlab.training.logs import Epoch

if TYPE_CHECKING:
    from fashionlab.report.style import Sheet


class Run:
    """The folder of a run at `path`. Everything is read when it is first asked for.

    data_dir: where its data set is, when it is a named one in an unusual place. device: auto, cpu, cuda or cuda:N, for
    what has to ask the network. Raises DataError when the folder is not one of a run.
    """

    def __init__(self, path: PathLike, *, data_dir: PathLike | None = None,
                 device: str = "auto") -> None:
        self._data_dir = as_optional_path(data_dir, "data_dir")
        self._device = device
        self._results = load_results(as_path(path, "run"))

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._results.folder.path

    @property
    def name(self) -> str:
        return self._results.name

    @property
    def metrics(self) -> Metrics:
        """What metrics.json holds: `metrics.test.accuracy`, `metrics.val.nll`, `metrics.train_seconds`, ..."""
        return self._results.metrics

    @property
    def history(self) -> list[Epoch]:
        """A row an epoch."""
        return [Epoch.of(row) for row in self.metrics.history]

    @property
    def recipe(self) -> Recipe:
        """What was trained and how, every value written out."""
        return self._results.recipe

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names in label order."""
        return self._results.spec.classes

    @property
    def results(self) -> RunResults:
        """All its records, as reports and comparisons read them."""
        return self._results

    def predictions(self, split: SplitName = "test") -> Predictions:
        """What the network said of every picture of `split` when it was evaluated: logits, labels, indices."""
        check_choice(split, SPLITS, "split")
        return self._results.predictions(split)

    @cached_property
    def classifier(self) -> Classifier:
        """Its network, answering on the CPU with the temperature and thresholds learned on validation pictures."""
        return Classifier(self.path)

    def predict(self, pictures: Pictures, *, top: int | None = None) -> list[Prediction]:
        """One Prediction a picture; see `Classifier.predict`."""
        return self.classifier.predict(pictures, top=top)

    def evaluate(self, split: SplitName = "test", *, robustness: bool = False, outliers: bool = False,
                 outlier_sets: tuple[str, ...] = ()) -> Evaluation:
        """Judge every picture of `split` again with the final weights and record it in the folder.

        robustness: also under ten corruptions of five severities. outliers, outlier_sets: also how well pictures of no
        known class are told from the test pictures, those of the named data sets among them. Both are measured on the
        test split. Raises UsageError where they do not go together, DataError for weights or data that do not fit.
        """
        from fashionlab.evaluation.outlier_run import outlier_run
        from fashionlab.evaluation.outlier_sets import check_given
        from fashionlab.evaluation.robustness import robustness_run
        from fashionlab.evaluation.run import evaluate_run

        outlier_sets = tuple(as_list(outlier_sets, "outlier_sets"))
        outliers = outliers or bool(outlier_sets)
        if split == "val" and (robustness or outliers):
            raise UsageError("--robustness and --outliers are measured on the test split; leave --split val out")
        check_given(outlier_sets)
        how: Any = {"data_dir": self._data_dir, "device": self._device}
        metrics = evaluate_run(self.path, split, **how)
        evaluation = Evaluation(
            split, metrics, robustness_run(self.path, **how) if robustness else None,
            outlier_run(self.path, list(outlier_sets), **how) if outliers else None)
        self._forget()
        return evaluation

    def classification_report(self, split: SplitName = "test") -> str:
        """scikit-learn's table of precision, recall and F1 by class."""
        from fashionlab.evaluation.metrics import classification_report

        return classification_report(self.predictions(split))

    def plot(self, figure: str = "confusion", split: SplitName = "test") -> Sheet:
        """A figure of the run, as its report has it, of the pictures of `split`; "val" leaves the test split alone.

        It is matplotlib's Figure, with a `caption`, and shows itself in notebooks. figure: such as confusion,
        per_class, curves, reliability, confident_mistakes, confused_pairs, feature_map.
        Raises UsageError for an unknown name, DataError, with the reason, for a figure that the run has not.
        """
        from fashionlab.report.figures import find_figure
        from fashionlab.report.inputs import ReportInputs

        check_choice(split, SPLITS, "split")
        entry = find_figure(as_text(figure, "figure"))
        inputs = ReportInputs(self._results, self._data_dir, self._device, split, who="plot")
        if reason := entry.why_not(inputs):
            raise DataError(f"{self.path}: no figure {figure!r}: {reason}")
        sheet = entry.draw(inputs)
        sheet.caption = entry.caption(inputs)
        return sheet

    def report(self) -> Path:
        """Write report.html, model_card.md, sample_predictions.txt and all figures into the folder; the page's path."""
        from fashionlab.report.page import write_report

        page = write_report(self.path, data_dir=self._data_dir, device=self._device)
        self._forget()
        return page

    def export(self, target: PathLike | None = None, *, int8: bool = False, format: str = "onnx",
               prune: float | None = None, batch: int | None = None, views: int | None = None) -> Classifier:
        """Write a checked artifact that answers without PyTorch, and open it.

        target: a folder, or a file that ends in .zip; by default artifact/ in the run's folder. int8: also a graph in
        8-bit integers. format: onnx, or pt2 for torch.export beside it. prune: first take this share of the channels
        away and fine-tune, as a run beside this one. batch: the ONNX graphs take so many pictures at a time, all their
        shapes fixed, as simple runtimes want them; by default any number. views: of a picture that are averaged, 1, 2
        or 6; by default as many as the recipe has.

        Raises UsageError, DataError or FashionlabError where the run cannot be exported or the graph answers otherwise
        than PyTorch; nothing is written then.
        """
        from fashionlab.api.exporting import export

        return export(self.path, as_optional_path(target, "target"), int8=int8, format=format, prune=prune,
                      batch=batch, views=views, data_dir=self._data_dir)

    def summary(self) -> str:
        """The key figures in a few lines, as `fashionlab train` prints them."""
        from fashionlab.report.facts import summary

        return summary(self._results)

    @property
    def is_first_process(self) -> bool:
        """False in all but one of the processes that torchrun started: the first one evaluates."""
        from fashionlab.training.distributed import is_first_process

        return is_first_process()

    def as_dict(self) -> dict[str, Any]:
        """The key figures and what was measured, flat and fit for JSON, without history and single scores."""
        return self.metrics.as_json(without=("history", "val", "test"))

    def _forget(self) -> None:
        """What was read before may have changed in the folder."""
        self._results = load_results(self.path)
        self.__dict__.pop("classifier", None)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        return run_card(self._results)


def run_paths(runs: Sequence[Run | PathLike], argument: str) -> list[Path]:
    """The folders of `runs`. Raises UsageError for anything else."""
    return [one.path if isinstance(one, Run) else as_path(one, argument) for one in as_list(runs, argument)]
