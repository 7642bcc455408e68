"""What the configurations of all trainers share: offline, on the processor, silent."""

QUIET = {
    "report_to": "none",
    "use_cpu": True,
    "bf16": False,
    "save_strategy": "no",
    "gradient_checkpointing": False,
    "disable_tqdm": True,
}
