"""The chain: what a verification finds, how it judges, and how it reads."""
