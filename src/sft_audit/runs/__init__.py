"""What an RL run leaves behind, apart from its completions: logged numbers, saved models, where they lie."""

from sft_audit.runs.folder import RunFiles, find_run
from sft_audit.runs.metric import Metric, Reading, Unread, read_metrics
from sft_audit.runs.verl_shards import merge_command

__all__ = ["Metric", "Reading", "RunFiles", "Unread", "find_run", "merge_command", "read_metrics"]
