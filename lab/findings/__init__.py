"""What the ledgers say: runs by arm, trajectories of single runs, tables and figures made of them."""
