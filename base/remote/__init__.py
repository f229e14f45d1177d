"""Files behind URLs (s3://, gs://, and what else fsspec knows): local folders that mirror them, and what is streamed.

The rooms work with paths. A URL on a command line becomes, in `configs/remote_places.py`, a path in the cache: a
`Mirror`, which is filled before the work and sent to the store as results are whole, or a `Stream`, whose files are
read where they lie. `base/files.py` is the door through which paths of either kind are looked at. fsspec is imported
where there is a URL, and not before.
"""
