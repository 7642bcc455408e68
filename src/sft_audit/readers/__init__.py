"""Readers: from files to samples. One module a format; `detect` chooses by looking at the rows."""
