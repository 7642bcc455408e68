"""A LLaVA made from configuration: its base, and what SFT, GRPO and DPO of TRL make of it."""
