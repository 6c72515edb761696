"""Tests of README, docs and the site made of them."""
