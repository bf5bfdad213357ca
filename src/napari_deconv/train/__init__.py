"""Training the networks: pairs made on the fly, and one loop that resumes."""
