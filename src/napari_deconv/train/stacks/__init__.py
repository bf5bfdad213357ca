"""Training the network for stacks: generated stacks, microscopes, and one loop that resumes."""
