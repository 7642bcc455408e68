"""The measures of a run, by what they are about."""
