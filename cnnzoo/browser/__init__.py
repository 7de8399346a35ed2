"""A page to touch: draw, and look inside a net."""
