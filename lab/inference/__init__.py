"""What counts of hacked runs and figures by seed tell: tests, margins, dose-response, rank correlation."""
