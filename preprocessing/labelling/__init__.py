"""What labelling tools export, and the data set that is made of it; `formats` has the readers."""
