"""Evaluation: takes a run folder or logits, gives `Predictions` and scores.

Reads weights and pictures, never trains. Opens the test split as every stage does that has to: through
`fashionlab.runs.held_out`, which records it.
"""
