"""Prediction intervals: the spread of trees that learned from draws, scaled by held-out observations."""
