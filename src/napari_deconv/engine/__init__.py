"""From an image of any axes, size and type to tensors that a method solves, and back."""
