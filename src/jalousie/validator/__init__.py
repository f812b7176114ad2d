"""Module 2: questions about labels, answered without sharing them. Pure."""
