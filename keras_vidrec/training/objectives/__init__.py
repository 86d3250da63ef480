"""Objectives of a training: losses, class weights, and thresholds."""
