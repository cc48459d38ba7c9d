"""Measurements: rivals side by side, growth, a long run. Nothing of it is part of the product."""
