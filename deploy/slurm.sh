#!/bin/bash
# Train a recipe on several nodes under Slurm:  sbatch deploy/slurm.sh [RECIPE [options of cnnzoo train]]
# One task a node, which takes all of its GPUs; the folder of the run lies where all nodes see it.
# Requeued, the job goes on after the last whole epoch.
#SBATCH --job-name=cnnzoo
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-task=8
#SBATCH --requeue
#SBATCH --output=%x-%j.out
set -euo pipefail

recipe=${1:-alexnet_imagenet}
shift || true
# Stop the others when one task fails: they would stop by themselves, a little later.
srun --kill-on-bad-exit=1 --label \
  cnnzoo train "$recipe" --strategy multi_worker --workdir "runs/$recipe-$SLURM_JOB_ID" --resume-or-begin \
  --progress lines "$@"
