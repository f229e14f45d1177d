"""Training and evaluation through tf.estimator."""
