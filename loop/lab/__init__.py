"""The lab: worlds with a planted truth play data, training and benchmarks, so that feedback itself can be studied."""
