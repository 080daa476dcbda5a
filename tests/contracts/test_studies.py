"""Every built-in study is valid, opens with its command, and a claim's study says whose claim it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from fashionlab.studies import catalog
from fashionlab.studies.results import CLAIM_SEEDS
from fashionlab.studies.schema import BASELINE, run_name

FILES = sorted(catalog.FOLDER.rglob("*.yaml"))
CLAIMS = [path for path in FILES if path.parent.name == "claims"]
RESULTS = Path(__file__).parents[2] / "results" / "studies"
REFERENCE_TEXTS = {"000_fc03df10ce06c9e4.txt", "001_b66cf1485bd7f7c5.txt", "002_42d02b34af2b11fc.txt",
                   "003_c0ea5a4b0d72b5df.txt", "004_6dd8da4a79db1f49.txt"}


def test_there_are_studies_names_are_unique_and_every_claim_has_one():
    assert len({path.stem for path in FILES}) == len(FILES) == len(catalog.names())
    assert {path.stem.split("-")[1] for path in CLAIMS} == set("123456789")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_study(path: Path):
    study = catalog.load(path.stem)
    lines = study.text.splitlines()
    assert lines[0] == f"# fashionlab study {path.stem}", "a study opens with its command"
    assert len(study.seeds) >= CLAIM_SEEDS
    assert len({run_name(*run) for run in study.runs}) == len(study.runs) == len(study.recipes) * len(study.seeds)
    if not (RESULTS / path.name).with_suffix(".json").exists():
        assert any("Not measured yet: results/ has no file for it." in line for line in lines)


@pytest.mark.parametrize("path", CLAIMS, ids=lambda path: path.stem)
def test_claim(path: Path):
    study = catalog.load(path.stem)
    expected = study.declared.expected
    assert expected is not None and set(expected.sources) <= REFERENCE_TEXTS
    header = "".join(line for line in study.text.splitlines() if line.startswith("#"))
    assert all(source in header for source in expected.sources)
    assert study.declared.metric == "test_accuracy" and study.declared.test == "paired"
    assert 0.2 <= study.declared.smallest_difference <= 0.5


def test_claims_share_runs():
    """What several studies ask of is trained once: these arms are one recipe."""
    studies = {path.stem: catalog.load(path.stem).recipes for path in CLAIMS}
    main = studies["claim-1-augmentation"][BASELINE]
    shared = [("claim-1-each-operation", "all-three"), ("claim-2-dropout", BASELINE), ("claim-3-depth", BASELINE),
              ("claim-3-equal-macs", BASELINE), ("claim-4-learning-rate", BASELINE),
              ("claim-4-learning-rate-finer", BASELINE)]
    assert all(studies[name][arm].trains_like(main) for name, arm in shared)
    plain = studies["claim-1-augmentation"]["no-augmentation"]
    assert studies["claim-2-dropout-without-augmentation"][BASELINE].trains_like(plain)
    few = studies["claim-1-each-operation-few-pictures"]
    assert few[BASELINE].trains_like(studies["claim-2-dropout-few-pictures"][BASELINE])
    assert all(few["all-three"].trains_like(studies[name][BASELINE])
               for name in ("claim-3-equal-macs-few-pictures", "claim-4-finer-few-pictures"))
    assert studies["claim-5-logistic"]["three-linear"].trains_like(studies["claim-6-relu-on-logits"]["linear"])
    assert studies["claim-5-logistic"]["no-augmentation"].trains_like(studies["claim-5-each-operation"][BASELINE])
    for all_arms, few_arms in (("claim-8-architectures", "claim-8-shortcuts-and-attention"),
                               ("claim-8-few-pictures", "claim-8-shortcuts-few-pictures")):
        big, small = studies[all_arms], studies[few_arms]
        assert [big[arm].trains_like(small[other]) for arm, other in
                (("resnet20", BASELINE), ("plain20", "no-shortcuts"), ("se-resnet20", "attention"))] == [True] * 3
