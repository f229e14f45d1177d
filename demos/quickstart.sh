#!/usr/bin/env bash
# From nothing to a scored submission: draws a data set, trains one small model on it, evaluates, scores, and leaves
# quickstart/submission.csv and quickstart/predictions.jpg. About ten minutes on two cores, the installation included.
# It can be run again: what is done is not done twice.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=
source demos/environment.sh
out=quickstart

echo "1/5 drawing photos"
[ -e $out/data/test_0_answer.csv ] || python tools/make_synthetic_data.py --output_dir=$out/data --num_train=600 --num_test=40

echo "2/5 converting them to TFRecords"
python tools/convert_tfrecords.py --data_dir=$out/data --output_dir=$out/records --splits=train_0

echo "3/5 training"
python train_hg.py --data_dir=$out/records --model_dir=$out/models --model_to_train=all --flagfile=configs/quickstart.cfg

echo "4/5 predicting the test photos"
python eval_all.py --model_dir=$out/models --data_dir=$out/data/test_0 --output=$out/submission.csv \
    --flagfile=configs/quickstart.cfg

echo "5/5 scoring, and drawing the predictions"
python demos/draw_predictions.py --data_dir=$out/data/test_0 --prediction=$out/submission.csv \
    --ground_truth=$out/data/test_0_answer.csv --output=$out/predictions.jpg
python tools/score.py --prediction=$out/submission.csv --ground_truth=$out/data/test_0_answer.csv
