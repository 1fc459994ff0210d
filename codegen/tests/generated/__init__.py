"""Tests of generated classes, one module for each group of features."""
