"""From photos and a CSV to augmented batches."""
