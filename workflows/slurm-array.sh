#!/bin/sh
# Without Snakemake: sbatch --array=1-20 workflows/slurm-array.sh BIDS_DIR OUT MODEL
# Afterwards: napari-osuda cohort BIDS_DIR OUT group
#SBATCH --job-name=osuda
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=12:00:00
# The state of the run under way is saved before the time limit.
#SBATCH --signal=TERM@120
set -eu
export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-2}"
exec napari-osuda cohort "$1" "$2" participant --model "$3" \
    --num-parts "$SLURM_ARRAY_TASK_COUNT" --part-id "$SLURM_ARRAY_TASK_ID"
