#!/bin/bash
# Runs the recipes for a GPU, the studies of the claims and the reference systems on a machine with one, a slice of time
# a call:
#
#     OUT=folder FASHIONLAB_DATA=folder benchmarks/on_a_gpu.sh [MINUTES] [JOBS]      default: 9 minutes, 12 jobs
#
# Call it again to go on: finished runs stay in runs/, started ones continue from their checkpoints. Packages that are
# missing are installed from the wheels in WHEELS (default: .whl), for machines without a network. What is finished is
# kept under results/ and packed into OUT/results.tgz. RECIPES, STUDIES and SYSTEMS choose, DEVICE is cuda unless set
# (recipes take the device that is there).
set -u
cd "$(dirname "$0")/.."
minutes=${1:-9} jobs=${2:-12} device=${DEVICE:-cuda} wheels=${WHEELS:-.whl}
mkdir -p "$OUT"
if ls "$wheels"/*.whl >/dev/null 2>&1; then
    python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target /tmp/fashionlab-site "$wheels"/*.whl || exit
    export PYTHONPATH=/tmp/fashionlab-site
fi
export PYTHONPATH=$PWD/src:${PYTHONPATH:-} PYTHONUNBUFFERED=1 FASHIONLAB_NO_REPORT=1

recipes=${RECIPES-quick-gpu strong-gpu max}
# Most important first; those of an hour of networks last.
studies=${STUDIES-claim-1-augmentation claim-2-dropout claim-3-depth claim-4-learning-rate claim-6-relu-on-logits
    claim-5-logistic claim-2-dropout-without-augmentation claim-3-equal-macs claim-1-each-operation
    claim-4-learning-rate-finer claim-1-augmentation-converged claim-5-each-operation
    claim-5-linear-with-augmentation claim-3-equal-macs-small claim-1-each-operation-few-pictures
    claim-2-dropout-few-pictures claim-3-equal-macs-few-pictures claim-4-finer-few-pictures
    claim-1-converged-few-pictures claim-7-few-pictures
    claim-9-small-network claim-8-few-pictures claim-8-shortcuts-few-pictures claim-7-small-network claim-9-optimizers
    claim-8-shortcuts-and-attention claim-8-architectures claim-7-small-network-longer}
systems=${SYSTEMS-ablation-main ablation-no-augmentation ablation-no-dropout ablation-shallow ablation-logistic
    ablation-lr-1e-2 ablation-lr-1e-4 three-linear three-mlp three-cnn notebook-cnn notebook-mlp deep-cnn}

# Seconds that are left of this call, less those that packing takes.
left() { echo $((minutes * 60 - SECONDS - 20)); }
run() { timeout --signal=TERM --kill-after=30 "$(left)" python3 -m fashionlab "$@" --device "$device" --runs runs --quiet; }

for recipe in $recipes; do
    [ "$(left)" -gt 30 ] || break
    timeout --signal=TERM --kill-after=30 "$(left)" python3 benchmarks/recipe.py "$recipe" 5 || continue
    python3 benchmarks/ensemble.py "$recipe" 5
done
for study in $studies; do
    [ "$(left)" -gt 30 ] || break
    run study "$study" --jobs "$jobs" || continue
    python3 benchmarks/findings.py keep "$study" runs
done
for system in $systems; do
    [ "$(left)" -gt 30 ] || break
    run reproduce "$system" --seeds 5
done
tar czf "$OUT/results.tgz" results docs/findings.md docs/figures
