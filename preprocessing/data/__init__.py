"""From photos and annotations to TFRecords."""
