"""Evaluation: takes a run folder or logits, gives `Predictions` and scores.

Reads weights and pictures, never trains. The only stage that opens the test split (`fashionlab.data.test_split`).
"""
