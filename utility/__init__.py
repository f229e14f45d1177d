"""What every program shares: codec, losses, metrics, the model function, training and prediction."""
