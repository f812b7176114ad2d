"""Comparing what the mediator cannot read: masked sums (architecture 2.B). Pure: no files, no HTTP, no clock."""
