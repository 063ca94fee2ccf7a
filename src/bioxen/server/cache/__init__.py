"""Answers that are kept: what makes two requests equal, how much is remembered, and how a hit is told."""
