#!/bin/bash
# Train a recipe on several nodes under Slurm:  sbatch deploy/slurm.sh [RECIPE [options of cnnzoo train]]
# Each node runs one task, with all of its GPUs; all nodes must see the run folder.
# A requeued job resumes after the last completed epoch.
#SBATCH --job-name=cnnzoo
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-task=8
#SBATCH --requeue
#SBATCH --output=%x-%j.out
set -euo pipefail

recipe=${1:-alexnet_imagenet}
shift || true
# Stop all tasks when one fails: the others would only stop a little later.
srun --kill-on-bad-exit=1 --label \
  cnnzoo train "$recipe" --strategy multi_worker --workdir "runs/$recipe-$SLURM_JOB_ID" --auto-resume \
  --progress lines "$@"
