"""Adapters to models: nothing else imports torch or transformers for them, and none is imported unasked."""
