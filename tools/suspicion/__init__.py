"""What tools/find_label_errors.py is made of: predictions by cross-validation, suspicions, the table and the page."""
