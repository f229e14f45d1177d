"""From TFRecords to augmented batches."""
