"""People: who may be mailed now, what they agreed to, how they leave. Sends no mail."""
